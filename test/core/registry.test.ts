// The registry's API over the embedded store.
import { describeRegistryApi } from './registry-suite.ts'
import { sqlitePlace } from './registry-world.ts'

describeRegistryApi('the registry, with an embedded store', sqlitePlace, 10_000)
