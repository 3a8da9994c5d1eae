// An actor's database: opened at any version, refused if it is newer, and not asked for what it does not have.
import { describe, expect, it } from 'vitest'
import { Database, NewerDatabase } from '../../actors/storage/database.ts'
import { type Schema, schemaOf, WAKE_ROWS_MAX, type WakeTable } from '../../actors/storage/schema.ts'
import { SCHEMAS } from '../../actors/storage/schemas.ts'
import { FakeStorage } from './fake-storage.ts'

const ONE = ['CREATE TABLE IF NOT EXISTS a (x INTEGER PRIMARY KEY)', 'CREATE TABLE IF NOT EXISTS b (x TEXT)']
const TWO = ['ALTER TABLE a ADD COLUMN y INTEGER', 'CREATE TABLE c (x INTEGER)']
const THREE = ['INSERT INTO c SELECT x FROM a', 'DROP TABLE b']
const reports: unknown[] = []

function open(storage: FakeStorage, schema: Schema): Database {
  return new Database(storage, schema, (_, cause) => reports.push(cause))
}

function tablesOf(storage: FakeStorage): unknown[] {
  return storage
    .exec("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
    .map(({ sql }) => String(sql).replace(/\s+/g, ' '))
}

/** What a release without versions left: any of its tables. */
function unversioned(...statements: readonly string[]): FakeStorage {
  const storage = new FakeStorage()
  for (const statement of statements) storage.exec(statement)
  return storage
}

describe('an actor’s database', () => {
  it('makes no table before the first INSERT, and runs no statement', () => {
    const storage = new FakeStorage()
    const database = open(storage, schemaOf([], [ONE]))
    expect(database.exec('SELECT * FROM a')).toEqual([])
    expect(database.exec('DELETE FROM a WHERE x = ?', 1)).toEqual([])
    expect(database.exec('UPDATE a SET x = 2')).toEqual([])
    expect(storage.execs).toBe(0)
    expect(storage.empty).toBe(true)
    database.exec('INSERT INTO a VALUES (1)')
    expect(open(storage, schemaOf([], [ONE])).exec('SELECT x FROM a')).toEqual([{ x: 1 }])
  })

  it('asks nothing of a table without rows', () => {
    const storage = new FakeStorage()
    open(storage, schemaOf([], [ONE])).exec('INSERT INTO a VALUES (1)')
    const later = open(storage, schemaOf([], [ONE]))
    expect(later.exec('SELECT x FROM a')).toHaveLength(1)
    const { execs } = storage
    expect(later.exec('SELECT x FROM b')).toEqual([])
    expect(later.exec('DELETE FROM b')).toEqual([])
    expect(storage.execs).toBe(execs)
    later.exec('INSERT INTO b VALUES (?)', 'y')
    expect(later.exec('SELECT x FROM b')).toEqual([{ x: 'y' }])
  })

  it('has the tables that got a row, and those that are made together with them', () => {
    const storage = new FakeStorage()
    const steps = [[...ONE, ...TWO.slice(1), 'CREATE TABLE d (x)', 'CREATE INDEX e ON d (x)']]
    const database = open(storage, schemaOf([], steps, [['b'], ['a', 'd']]))
    const names = () => storage.exec('SELECT name FROM sqlite_master ORDER BY name').map(({ name }) => name)
    database.exec('INSERT INTO c VALUES (1)')
    expect(names()).toEqual(['b', 'c', 'schema_version'])
    database.exec('INSERT INTO a SELECT x FROM d WHERE x > 1')
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e', 'schema_version'])
    const later = open(storage, schemaOf([], steps))
    expect(later.exec('SELECT x FROM b')).toEqual([])
    expect(later.exec('SELECT x FROM c')).toEqual([{ x: 1 }])
  })

  it('loses a table again with the transaction that made it', () => {
    const storage = new FakeStorage()
    const database = open(storage, schemaOf([], [ONE]))
    database.exec('INSERT INTO a VALUES (1)')
    const failing = () =>
      database.transaction(() => {
        database.exec('INSERT INTO b VALUES (1)')
        throw new Error('no room')
      })
    expect(failing).toThrow('no room')
    database.exec('INSERT INTO b VALUES (2)')
    expect(database.exec('SELECT x FROM b')).toEqual([{ x: '2' }])
  })

  it('takes no step of which it does not see the table', () => {
    expect(() => schemaOf([], [['ALTER TABLE a RENAME TO b']])).toThrow('unknown form')
    expect(() => schemaOf([{ table: 'z', columns: [] }], [ONE])).toThrow('no table z')
  })

  it('is blank again when the transaction that made its tables fails', () => {
    const storage = new FakeStorage()
    const database = open(storage, schemaOf([], [ONE]))
    expect(() =>
      database.transaction(() => {
        database.exec('INSERT INTO a VALUES (1)')
        throw new Error('no room')
      }),
    ).toThrow('no room')
    expect(storage.empty).toBe(true)
    database.exec('INSERT INTO a VALUES (2)')
    expect(database.exec('SELECT x FROM a')).toEqual([{ x: 2 }])
  })

  it.each([0, 1, 2, 3])('is brought from version %i to the newest, with its rows', (version) => {
    const steps = [ONE, TWO, THREE]
    const storage = new FakeStorage()
    if (version === 0) for (const statement of ONE) storage.exec(statement)
    else open(storage, schemaOf([], steps.slice(0, version))).exec('INSERT INTO a (x) VALUES (6)')
    storage.exec('INSERT INTO a (x) VALUES (7)')
    const database = open(storage, schemaOf([], steps))
    expect(database.exec('SELECT x FROM c WHERE x = 7')).toEqual(version < 3 ? [{ x: 7 }] : [])
    const fresh = new FakeStorage()
    for (const table of ['a', 'c'])
      open(fresh, schemaOf([], steps)).exec(`INSERT INTO ${table} (x) VALUES (7)`)
    database.exec('INSERT INTO c (x) VALUES (8)')
    expect(tablesOf(storage)).toEqual(tablesOf(fresh))
    // the next wake finds it as it should be
    const { execs } = storage
    open(storage, schemaOf([], steps)).exec('SELECT x FROM a')
    expect(storage.execs - execs).toBeLessThanOrEqual(3)
  })

  it.each(Object.entries(SCHEMAS))(
    'of a %s with any of the tables of a release without versions is opened',
    (_, schema) => {
      const [first = []] = schema.steps
      for (const statement of first) {
        if (!statement.startsWith('CREATE TABLE')) continue
        const storage = unversioned(statement)
        for (const table of schema.tables)
          expect(open(storage, schema).exec(`SELECT * FROM ${table}`)).toEqual([])
      }
    },
  )

  it('that only the host has written to is blank', () => {
    const storage = unversioned('CREATE TABLE _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB)')
    const database = open(storage, schemaOf([], [ONE]))
    expect(database.exec('SELECT x FROM a')).toEqual([])
    expect(tablesOf(storage)).toHaveLength(1)
    database.exec('INSERT INTO a VALUES (1)')
    expect(database.exec('SELECT x FROM a')).toEqual([{ x: 1 }])
  })

  it.each([
    ['with the same tables', [ONE, TWO, ['CREATE TABLE d (x)']]],
    ['with a table less', [ONE, TWO, ['DROP TABLE b']]],
  ])('of a newer release %s is refused, and nothing is written', (_, steps) => {
    const storage = new FakeStorage()
    open(storage, schemaOf([], steps)).exec('INSERT INTO a (x) VALUES (1)')
    const before = storage.bytes()
    reports.length = 0
    const database = open(storage, schemaOf([], [ONE, TWO]))
    const refused = 'the database has version 3, and this release knows versions up to 2'
    expect(() => database.exec('SELECT x FROM a')).toThrow(refused)
    expect(() => database.exec('INSERT INTO a (x) VALUES (2)')).toThrow(NewerDatabase)
    expect(reports).toHaveLength(1)
    expect(storage.bytes()).toEqual(before)
  })

  it('takes no statement of which it does not see the table', () => {
    expect(() => open(new FakeStorage(), schemaOf([], [ONE])).exec('REPLACE INTO a VALUES (1)')).toThrow(
      'unknown form',
    )
  })
})

describe('a table of few rows', () => {
  const ROWS: WakeTable = { table: 'a', columns: ['x', 'length(y) AS size'] }
  const schema = schemaOf([ROWS], [['CREATE TABLE IF NOT EXISTS a (x INTEGER PRIMARY KEY, y TEXT)']])
  const insert = 'INSERT INTO a (x, y) VALUES (?, ?)'

  it('is read when the database is opened, and again only when it was changed', () => {
    const storage = new FakeStorage()
    open(storage, schema).exec(insert, 1, 'one')
    const database = open(storage, schema)
    const { execs } = storage
    expect(database.rows(ROWS)).toEqual([{ x: 1, size: 3 }])
    expect(database.rows(ROWS)).toHaveLength(1)
    expect(storage.execs - execs).toBe(2)
    database.exec(insert, 2, 'two and')
    expect(database.known(ROWS)).toBeNull()
    expect(database.rows(ROWS)).toEqual([
      { x: 1, size: 3 },
      { x: 2, size: 7 },
    ])
    database.exec('DELETE FROM a')
    database.remember(ROWS, [])
    const before = storage.execs
    expect(database.rows(ROWS)).toEqual([])
    expect(storage.execs).toBe(before)
  })

  it('of a database older than one of its columns is read with that column', () => {
    const storage = new FakeStorage()
    const [step = []] = schema.steps
    open(storage, schemaOf([], [step])).exec('INSERT INTO a (x, y) VALUES (1, ?)', 'one')
    const wider: WakeTable = { table: 'a', columns: ['x', 'z'] }
    const newer = schemaOf([wider], [step, ["ALTER TABLE a ADD COLUMN z TEXT NOT NULL DEFAULT 'new'"]])
    expect(open(storage, newer).rows(wider)).toEqual([{ x: 1, z: 'new' }])
  })

  it('is read by a statement of its own once it has many', () => {
    const storage = new FakeStorage()
    const first = open(storage, schema)
    for (let x = 0; x <= WAKE_ROWS_MAX; x++) first.exec(insert, x, '')
    const database = open(storage, schema)
    expect(database.known(ROWS)).toBeNull()
    expect(database.rows(ROWS)).toHaveLength(WAKE_ROWS_MAX + 1)
  })

  it('is as the failed transaction found it', () => {
    const storage = new FakeStorage()
    const database = open(storage, schema)
    database.exec(insert, 1, 'one')
    const failing = () =>
      database.transaction(() => {
        database.exec('DELETE FROM a')
        database.remember(ROWS, [])
        throw new Error('no room')
      })
    expect(failing).toThrow('no room')
    expect(database.rows(ROWS)).toEqual([{ x: 1, size: 3 }])
  })
})

describe('rows whose names are long', () => {
  const ROWS: WakeTable = { table: 'a', columns: ['x', 'y'] }
  const schema = schemaOf(
    [ROWS],
    [
      [
        'CREATE TABLE IF NOT EXISTS a (x INTEGER PRIMARY KEY, y TEXT)',
        'CREATE TABLE IF NOT EXISTS b (x TEXT)',
      ],
    ],
  )

  it('are read although they are more together than one value may have', () => {
    const storage = new FakeStorage()
    const first = open(storage, schema)
    // As JSON each character takes six bytes.
    const name = '\u0001'.repeat(65_535)
    for (let x = 0; x < WAKE_ROWS_MAX; x++) first.exec('INSERT INTO a (x, y) VALUES (?, ?)', x, name)
    const database = open(storage, schema)
    expect(database.exec('SELECT x FROM b')).toEqual([])
    expect(database.rows(ROWS).map(({ y }) => y === name)).toEqual(Array(WAKE_ROWS_MAX).fill(true))
    database.exec('INSERT INTO b (x) VALUES (?)', 'y')
    expect(database.exec('SELECT x FROM b')).toEqual([{ x: 'y' }])
  })
})
