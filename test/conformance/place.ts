// Where conformance is proven: a system of one region for a file of tests, clients of their own for each test, and one
// proof for both versions of MQTT with the tags of each in its name.
import { afterAll, afterEach, beforeAll, it } from 'vitest'
import { Raw } from '../e2e/raw.ts'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'

export type Version = 4 | 5
export type Register = (name: string, prove: () => Promise<void>) => void
type Options = Parameters<typeof Raw.connect>[3]

export interface Place {
  readonly system: System
  /** A client that no other test has; its connection ends with the test. */
  connect(options?: Options): Promise<Raw>
  /** The client again, or for the first time. */
  connectAs(id: string, options?: Options): Promise<Raw>
}

/** A session that outlives its connection, in either version. */
export const KEPT = { clean: false, expiry: 300 } as const

export function place(): Place {
  let system: System | null = null
  const open: Raw[] = []
  const started = (): System => {
    if (system === null) throw new Error('the system has not started')
    return system
  }
  const connectAs = async (id: string, options: Options = {}): Promise<Raw> => {
    const raw = await Raw.connect(started(), 'eu', id, options)
    open.push(raw)
    return raw
  }
  beforeAll(async () => {
    system = await System.start({ regions: ['eu'], presence: false })
  }, SYSTEM_START_MS)
  afterAll(() => system?.stop())
  afterEach(() => {
    for (const raw of open.splice(0)) raw.drop()
  })
  return {
    get system() {
      return started()
    },
    connect: (options) => connectAs(fresh('client'), options),
    connectAs,
  }
}

/** Tags of statements: `'3.3.1-1 3.3.1-2'`. */
export function tags(version: Version, statements: string): string {
  return statements
    .split(' ')
    .filter((id) => id !== '')
    .map((id) => ` [MQTT-${id}${version === 5 ? '' : ', 3.1.1'}]`)
    .join('')
}

/**
 * A test for each version.
 * @param five the statements of 5.0 that it proves
 * @param older those of 3.1.1
 */
export function both(
  says: string,
  five: string,
  older: string,
  prove: (version: Version) => Promise<void>,
  test: Register = it,
): void {
  test(`${says}, in 5.0${tags(5, five)}`, () => prove(5))
  test(`${says}, in 3.1.1${tags(4, older)}`, () => prove(4))
}

let last = 0

/** A client identifier, or a level of a topic, that is used once. */
export function fresh(word: string): string {
  return `${word}-${++last}`
}

/** A root that no other test has. */
export function freshRoot(): string {
  return `proofs/${fresh('p')}`
}

/** The bytes end the connection; a 5.0 client is told why. */
export async function refused(raw: Raw, bytes: Uint8Array, reason: number): Promise<void> {
  raw.sendBytes(bytes)
  await raw.closed()
  const told = raw.of('disconnect').map(({ reasonCode }) => reasonCode)
  if (told.join() !== (raw.version === 5 ? String(reason) : ''))
    throw new Error(`closed with [${told}] instead of ${reason}`)
}
