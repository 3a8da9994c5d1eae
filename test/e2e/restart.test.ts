import { describeRestart } from './restart-suite.ts'

describeRestart('the embedded store', () => Promise.resolve({}))
