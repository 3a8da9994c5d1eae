// Chooses the store adapter by the core's settings.

import { reportingUnavailable } from './availability.ts'
import { openCassandraStore } from './cassandra.ts'
import type { CassandraOptions } from './cassandra-connect.ts'
import type { RegisteringStore } from './port.ts'
import { openSqliteStore } from './sqlite.ts'

export type StoreSetting =
  | { readonly kind: 'sqlite'; readonly path: string }
  | ({ readonly kind: 'cassandra' } & CassandraOptions)

/** An operation of the store rejects with `StoreUnavailable` while the store cannot be reached. */
export async function openStore(setting: StoreSetting): Promise<RegisteringStore> {
  switch (setting.kind) {
    case 'sqlite':
      return openSqliteStore(setting.path)
    case 'cassandra':
      return reportingUnavailable(await openCassandraStore(setting))
    default:
      return setting satisfies never
  }
}
