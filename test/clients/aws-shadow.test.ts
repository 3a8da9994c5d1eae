// AWS's own device SDK for JavaScript, as npm has it: its thingShadow class over wss, told another endpoint and credentials.
import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ShadowClient } from '../e2e/shadow-client.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { openTlsDoor, type TlsDoor } from './tls-door.ts'

/** What of the SDK is used here; it has no types of its own. */
interface ThingShadow extends EventEmitter {
  register(thing: string, options: object, done: (error?: unknown, failed?: unknown) => void): void
  update(thing: string, state: object): string | null
  get(thing: string, clientToken?: string): string | null
  delete(thing: string, clientToken?: string): string | null
  end(force: boolean, done: () => void): void
}
const { thingShadow } = createRequire(import.meta.url)('aws-iot-device-sdk') as {
  readonly thingShadow: new (options: object) => ThingShadow
}

let system: System
let door: TlsDoor
beforeAll(async () => {
  system = await System.start()
  door = await openTlsDoor(Number(new URL(await system.mqttUrl('eu')).port))
}, SYSTEM_START_MS)
afterAll(async () => {
  await door.close()
  await system.stop()
})

interface State {
  readonly state: object
  readonly version: number
  readonly code?: number
}

class Thing {
  readonly name: string
  readonly deltas: State[] = []
  readonly foreign: string[] = []
  readonly timeouts: string[] = []
  private readonly shadow: ThingShadow
  private readonly statuses = new Map<string, { readonly status: string; readonly state: State }>()

  private constructor(name: string, shadow: ThingShadow) {
    this.name = name
    this.shadow = shadow
    shadow.on('delta', (_thing, state: State) => this.deltas.push(state))
    shadow.on('foreignStateChange', (_thing, operation: string) => this.foreign.push(operation))
    shadow.on('timeout', (_thing, token: string) => this.timeouts.push(token))
    shadow.on('status', (_thing, status: string, token: string, state: State) => {
      this.statuses.set(token, { status, state })
    })
  }

  static async connect(name: string, qos: 0 | 1): Promise<Thing> {
    const shadow = new thingShadow({
      protocol: 'wss',
      clientId: name,
      // The endpoint,
      host: 'localhost',
      port: door.port,
      region: 'eu-west-1',
      websocketOptions: { ca: door.ca },
      // and the credentials.
      accessKeyId: 'anything',
      secretKey: 'anything',
      sessionToken: await system.token(name),
    })
    const thing = new Thing(name, shadow)
    await new Promise<void>((connected, failed) => {
      shadow.on('connect', connected)
      shadow.on('error', failed)
    })
    await new Promise<void>((registered, failed) => {
      shadow.register(name, { qos }, (error, not) =>
        error === undefined && not === undefined ? registered() : failed(error),
      )
    })
    return thing
  }

  async status(token: string | null): Promise<{ readonly status: string; readonly state: State }> {
    if (token === null) throw new Error('an operation is still under way')
    await until(() => this.statuses.has(token))
    return this.statuses.get(token) as { status: string; state: State }
  }

  update(state: object) {
    return this.status(this.shadow.update(this.name, { state }))
  }

  get() {
    return this.status(this.shadow.get(this.name))
  }

  delete() {
    return this.status(this.shadow.delete(this.name))
  }

  end(): Promise<void> {
    return new Promise((ended) => this.shadow.end(false, ended))
  }
}

it.each([0, 1] as const)(
  'registers, updates, gets deltas of an app in another region, meets a conflict; QoS %i',
  async (qos) => {
    const thing = await Thing.connect(`thing-${qos}`, qos)
    const app = await ShadowClient.connect(system, 'us', `app-${qos}`, `devices/${thing.name}/shadow`)
    await app.listen('+/accepted', '+/rejected')

    expect(await thing.get()).toMatchObject({ status: 'rejected', state: { code: 404 } })
    const reported = await thing.update({ reported: { power: 'off' } })
    expect(reported).toMatchObject({
      status: 'accepted',
      state: { version: 1, state: { reported: { power: 'off' } } },
    })
    expect(await thing.get()).toMatchObject({
      status: 'accepted',
      state: { state: { reported: { power: 'off' } } },
    })

    await app.ask('update', { state: { desired: { power: 'on' } } })
    await until(() => thing.deltas.length === 1)
    expect(thing.deltas[0]).toMatchObject({ version: 2, state: { power: 'on' } })
    await until(() => thing.foreign.length > 0)
    expect(thing.foreign).toEqual(['update'])
    expect(await thing.update({ reported: { power: 'on' } })).toMatchObject({
      status: 'accepted',
      state: { version: 3 },
    })

    // The SDK sends the version that it knows. It hears of the app's updates, so the two must cross.
    const conflicts = async () => {
      const crossing = app.ask('update', { state: { desired: { n: Math.random() } } })
      const mine = await thing.update({ reported: { n: 0 } })
      await crossing
      return mine.status === 'rejected' && mine.state.code === 409
    }
    let met = false
    for (let tries = 0; tries < 50 && !met; tries++) met = await conflicts()
    expect(met).toBe(true)

    const { state: known } = await thing.get()
    expect(await thing.update({ desired: null, reported: { done: true } })).toMatchObject({
      status: 'accepted',
      state: { version: known.version + 1 },
    })
    expect(await thing.delete()).toMatchObject({ status: 'accepted' })
    expect(thing.timeouts).toEqual([])
    await thing.end()
    await app.end()
  },
  30_000,
)
