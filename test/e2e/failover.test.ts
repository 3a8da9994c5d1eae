// Fail-over with the embedded store.
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describeFailOver } from './failover-suite.ts'

describeFailOver(
  'the embedded store',
  () => Promise.resolve({}),
  async (system, root) => {
    const database = new DatabaseSync(path.join(system.dir, 'core.sqlite'), { readOnly: true })
    try {
      const [count] = database
        .prepare('SELECT count(*) AS n FROM root_queue WHERE root = ? AND delivery IS NOT NULL')
        .all(root)
      const [session] = database
        .prepare("SELECT value FROM root_state WHERE root = ? AND kind = 'session'")
        .all(root)
      return { queued: Number(count?.n), session: String(session?.value) }
    } finally {
      database.close()
    }
  },
)
