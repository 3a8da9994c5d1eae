// The other half of the simulated runs.
import { testHalf } from './seeds.ts'

testHalf(1)
