// The registry's API over the embedded store.

import { sqlitePlace } from './one-core.ts'
import { describeRegistryApi } from './registry-suite.ts'

describeRegistryApi('the registry, with an embedded store', sqlitePlace, 10_000)
