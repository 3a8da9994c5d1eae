// The file of an outbox, while nothing runs: a message in it is made many, as a long outage would.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** @param dir of a local Starling; one of its outboxes has a message */
export async function fillOutbox(dir: string, messages: number): Promise<void> {
  const files = (await readdir(dir, { recursive: true })).filter(
    (file) => file.includes('UplinkActor') && file.endsWith('.sqlite') && !file.endsWith('metadata.sqlite'),
  )
  for (const file of files) {
    const database = new DatabaseSync(join(dir, file))
    try {
      if (!hasMessage(database)) continue
      database
        .prepare(
          'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) ' +
            'INSERT INTO outbox (root, kind, region, epoch, source, number, expires_at, record) ' +
            'SELECT root, kind, region, epoch, source, number + i, expires_at, record FROM n, (SELECT * FROM outbox ORDER BY id LIMIT 1)',
        )
        .run(messages - 1)
      return
    } finally {
      database.close()
    }
  }
  throw new Error('no outbox has a message')
}

function hasMessage(database: DatabaseSync): boolean {
  const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").get()
  return table !== undefined && database.prepare('SELECT 1 FROM outbox').get() !== undefined
}
