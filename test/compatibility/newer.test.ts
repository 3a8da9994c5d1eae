// A state folder of a release that is newer than the code: it is refused with a report that says so, and nothing is written to it.
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../e2e/client.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { KEPT, service } from './written.ts'

/** What stands in the actors' databases, by file: each row of each table but the platform's own. */
type Contents = Readonly<Record<string, string>>

describe('a state folder that a newer release wrote', () => {
  let system: System
  beforeAll(async () => {
    system = await System.start()
    const sleeper = await Client.connect(system, 'eu', 'sleeper', KEPT)
    await sleeper.subscribe('rooms/newer/#')
    await sleeper.subscribe('newer/+/wide')
    await sleeper.publish('rooms/newer/state', 'on', { qos: 1, retain: true })
    await sleeper.end()
    const app = await Client.connect(system, 'us', 'app')
    await app.publish('devices/sleeper/cmd', 'not subscribed')
    await app.publish('rooms/newer/x', 'queued')
    await app.end()
    await system.down()
  }, SYSTEM_START_MS)
  afterAll(() => system?.stop())

  it('is refused by each actor, which says so and writes nothing; the release that wrote it finds all of it', {
    timeout: 150_000,
  }, async () => {
    expect(changeVersions(system.dir, 1)).toBeGreaterThanOrEqual(4)
    const before = contents(system.dir)
    await system.up()
    // The actor of the client, and through another client's actor those of the room and of the wide filters.
    await expect(
      Client.connect(system, 'eu', 'sleeper', { ...KEPT, connectTimeout: 5_000 }),
    ).rejects.toThrow()
    const fresh = await Client.connect(system, 'eu', 'fresh')
    for (const filter of ['rooms/newer/#', 'newer/+/wide'])
      await expect(fresh.subscribe(filter)).rejects.toThrow()
    await expect(fresh.publish('rooms/newer/x', 'refused')).rejects.toThrow()
    expect((await service(system, 'eu', '/v1/devices/sleeper/shadow')).status).toBeGreaterThanOrEqual(500)
    await until(() =>
      /database.* has version \d+, and this release knows versions up to \d+/.test(system.log),
    )
    expect(system.log).toContain('"id":"sleeper"')
    fresh.mqtt.end(true)
    await system.down()
    const after = contents(system.dir)
    expect(Object.fromEntries(Object.keys(before).map((file) => [file, after[file]]))).toEqual(before)

    changeVersions(system.dir, -1, Object.keys(before))
    await system.up()
    const back = await Client.connect(system, 'eu', 'sleeper', KEPT)
    expect(back.sessionPresent).toBe(true)
    await back.has(1)
    expect(back.texts).toEqual(['queued'])
    await back.end()
    const late = await Client.connect(system, 'us', 'late')
    await late.subscribe('rooms/newer/state')
    await late.has(1)
    expect(late.texts).toEqual(['on'])
    await late.end()
    await system.down()
  })

  it('is refused by `starling up` where its layout is newer, which writes nothing', {
    timeout: 60_000,
  }, async () => {
    const file = path.join(system.dir, 'secrets.json')
    const text = await readFile(file, 'utf8')
    const newer = JSON.stringify({ ...JSON.parse(text), layout: 1_000 })
    await writeFile(file, newer)
    const before = contents(system.dir)
    await expect(system.up()).rejects.toThrow('is not of this version of Starling')
    expect(await readFile(file, 'utf8')).toBe(newer)
    expect(contents(system.dir)).toEqual(before)
    await writeFile(file, text)
  })
})

function databases(dir: string): string[] {
  return globSync('{eu,us}/**/*.sqlite', { cwd: dir })
    .filter((file) => tablesOf(path.join(dir, file)).includes('schema_version'))
    .sort()
}

/** Makes the actors' databases those of a release with other schemas. Returns how many there are. */
function changeVersions(dir: string, by: number, files: readonly string[] = databases(dir)): number {
  for (const file of files)
    using(path.join(dir, file), (database) => {
      database.prepare('UPDATE schema_version SET version = version + ?').run(by)
    })
  return files.length
}

function contents(dir: string): Contents {
  return Object.fromEntries(
    databases(dir).map((file) => [
      file,
      using(path.join(dir, file), (database) =>
        JSON.stringify(
          tablesOf(path.join(dir, file)).map((table) => [
            table,
            database.prepare(`SELECT * FROM ${table}`).all(),
          ]),
        ),
      ),
    ]),
  )
}

/** The actor's own: the platform's begin with `_cf_`. */
function tablesOf(file: string): string[] {
  return using(file, (database) =>
    database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !name.startsWith('_cf_') && !name.startsWith('sqlite_')),
  )
}

function using<T>(file: string, use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file)
  try {
    return use(database)
  } finally {
    database.close()
  }
}
