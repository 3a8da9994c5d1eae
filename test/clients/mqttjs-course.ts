// The course, taken by mqtt.js in this process.
import { setTimeout as sleep } from 'node:timers/promises'
import type { IClientOptions, IClientPublishOptions } from 'mqtt'
import { Client } from '../e2e/client.ts'
import { type System, until } from '../e2e/system.ts'
import type { MEMBERS, Outcome, Scene, Step } from './course.ts'

const STEP_MS = 30_000
const LARGE_BYTES = 1_000_000
const SESSION_TAKEN_OVER = 0x8e

type Member = (typeof MEMBERS)[number]
type Qos = 0 | 1 | 2
interface Come extends IClientOptions {
  readonly region?: 'eu' | 'us'
  readonly front?: boolean
}

/** One step's clients and topics. */
class Stage {
  readonly scene: Scene
  readonly room: string
  private readonly system: System
  private readonly step: Step
  private readonly clients: Client[] = []

  constructor(system: System, scene: Scene, step: Step) {
    this.system = system
    this.scene = scene
    this.step = step
    this.room = `rooms/${scene.run}-${step}`
  }

  id(member: Member): string {
    return `${this.scene.run}-${this.step}-${member}`
  }

  async come(member: Member, { region = 'eu', ...options }: Come = {}): Promise<Client> {
    const client = await Client.connect(this.system, region, this.id(member), {
      protocolVersion: this.scene.version,
      ...options,
    })
    this.clients.push(client)
    return client
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.mqtt.endAsync(true)))
  }
}

function check(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Error(what)
}

function same(got: unknown, wanted: unknown): void {
  const [one, other] = [JSON.stringify(got), JSON.stringify(wanted)]
  check(one === other, `got ${one}, wanted ${other}`)
}

const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => letter + i)

async function subscribe(client: Client, filter: string, qos: Qos = 1): Promise<void> {
  same(await client.subscribe(filter, { qos }), [qos])
}

async function publish(client: Client, topic: string, texts: readonly string[], qos: Qos = 1): Promise<void> {
  await Promise.all(texts.map((one) => client.publish(topic, one, { qos })))
}

/** Waits for these, or for more than these. */
async function gets(client: Client, texts: readonly string[]): Promise<void> {
  await client.has(texts.length)
  same(client.texts, texts)
}

async function getsItsOwn(client: Client, topic: string): Promise<void> {
  await subscribe(client, topic)
  await publish(client, topic, ['own'])
  await gets(client, ['own'])
}

async function atQos(stage: Stage, qos: Qos): Promise<void> {
  const a = await stage.come('a')
  await subscribe(a, `${stage.room}/x`, qos)
  const b = await stage.come('b')
  await publish(b, `${stage.room}/x`, numbered('m', 3), qos)
  await gets(a, numbered('m', 3))
  same(
    a.got.map(({ packet }) => packet.qos),
    [qos, qos, qos],
  )
}

async function filtered(
  stage: Stage,
  filter: string,
  sent: readonly (readonly [topic: string, text: string])[],
  wanted: readonly string[],
): Promise<void> {
  const a = await stage.come('a')
  await subscribe(a, filter)
  const b = await stage.come('b')
  for (const [topic, text] of sent) await b.publish(topic, text)
  await until(() => a.texts.includes('end'))
  same(a.texts, wanted)
}

async function shared(stage: Stage, regionOfB: 'eu' | 'us'): Promise<void> {
  const members = [await stage.come('a'), await stage.come('b', { region: regionOfB })]
  for (const member of members) {
    await subscribe(member, `$share/g/${stage.room}/jobs`)
    await subscribe(member, `${stage.room}/end`)
  }
  const c = await stage.come('c')
  await publish(c, `${stage.room}/jobs`, numbered('j', 20))
  await publish(c, `${stage.room}/end`, ['end'])
  const jobs = () => members.flatMap(({ texts }) => texts).filter((text) => text !== 'end')
  await until(() => members.every(({ texts }) => texts.includes('end')) && jobs().length >= 20)
  same(jobs().sort(), numbered('j', 20).sort())
}

async function keeps(stage: Stage, text: string): Promise<Client> {
  const a = await stage.come('a')
  await a.publish(`${stage.room}/x`, text, { qos: 1, retain: true })
  return a
}

const STEPS: Record<Step, (stage: Stage) => Promise<void>> = {
  'connect-named': async (stage) => {
    same((await stage.come('a')).sessionPresent, false)
  },
  'connect-plain': async (stage) => {
    const a = await stage.come('a', { front: true })
    same(a.sessionPresent, false)
    await getsItsOwn(a, `${stage.room}/x`)
  },
  qos0: (stage) => atQos(stage, 0),
  qos1: (stage) => atQos(stage, 1),
  qos2: (stage) => atQos(stage, 2),
  session: async (stage) => {
    const kept: Come = {
      clean: false,
      ...(stage.scene.version === 5 && { properties: { sessionExpiryInterval: 3600 } }),
    }
    const before = await stage.come('a', kept)
    await subscribe(before, `devices/${stage.id('a')}/cmd/#`)
    await before.end()
    const b = await stage.come('b')
    const topic = `devices/${stage.id('a')}/cmd/x`
    await publish(b, topic, numbered('m', 10))
    const back = await stage.come('a', kept)
    same(back.sessionPresent, true)
    await back.has(10)
    await publish(b, topic, ['end'])
    await until(() => back.texts.includes('end'))
    same(back.texts, [...numbered('m', 10), 'end'])
  },
  will: async (stage) => {
    const topic = `${stage.room}/will`
    const a = await stage.come('a', { will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false } })
    const b = await stage.come('b')
    await subscribe(b, topic)
    a.drop()
    await gets(b, ['gone'])
  },
  retained: async (stage) => {
    await keeps(stage, 'kept')
    const b = await stage.come('b')
    await subscribe(b, `${stage.room}/#`)
    await gets(b, ['kept'])
    same(b.got[0]?.packet.retain, true)
  },
  'retained-clear': async (stage) => {
    const a = await keeps(stage, 'kept')
    await a.publish(`${stage.room}/x`, '', { qos: 1, retain: true })
    const b = await stage.come('b')
    await subscribe(b, `${stage.room}/#`)
    await publish(a, `${stage.room}/end`, ['end'])
    await gets(b, ['end'])
  },
  'filter-hash': (stage) => {
    const { room, scene } = stage
    const sent = [
      [room, '0'],
      [`${room}/k/x`, '1'],
      [`rooms/${scene.run}-other/x`, '2'],
      [`${room}/z`, 'end'],
    ] as const
    return filtered(stage, `${room}/#`, sent, ['0', '1', 'end'])
  },
  'filter-plus': (stage) => {
    const { room } = stage
    const sent = [
      [`${room}/1/x`, '0'],
      [`${room}/1/y`, '1'],
      [`${room}/1/2/x`, '2'],
      [`${room}/2/x`, 'end'],
    ] as const
    return filtered(stage, `${room}/+/x`, sent, ['0', 'end'])
  },
  'filter-wide': async (stage) => {
    const a = await stage.come('a')
    await subscribe(a, `rooms/+/wide-${stage.scene.run}`)
    const b = await stage.come('b')
    for (const n of ['0', '1']) await b.publish(`${stage.room}-${n}/wide-${stage.scene.run}`, n)
    await a.has(2)
    same(a.texts.sort(), ['0', '1'])
  },
  shared: (stage) => shared(stage, 'eu'),
  'shared-regions': (stage) => shared(stage, 'us'),
  echo: async (stage) => {
    const [a, b] = [await stage.come('a'), await stage.come('b')]
    await subscribe(a, `${stage.room}/answers`)
    await subscribe(b, `${stage.room}/ask`)
    const correlationData = Buffer.from([0x00, 0x01, 0xfe, 0xff])
    const userProperties = { k: ['1', '2'], ü: '✓' }
    const properties = { responseTopic: `${stage.room}/answers`, correlationData, userProperties }
    await a.publish(`${stage.room}/ask`, 'ping', { qos: 1, properties })
    await gets(b, ['ping'])
    const asked = b.got[0]?.packet.properties
    const answer: IClientPublishOptions = {
      qos: 1,
      properties: {
        correlationData: asked?.correlationData ?? Buffer.of(),
        userProperties: { ...asked?.userProperties },
      },
    }
    await b.publish(asked?.responseTopic ?? '', 'pong', answer)
    await gets(a, ['pong'])
    const got = a.got[0]?.packet.properties
    same(got?.correlationData?.toString('hex'), correlationData.toString('hex'))
    same({ ...got?.userProperties }, userProperties)
  },
  large: async (stage) => {
    const payload = Buffer.from(Array.from({ length: LARGE_BYTES }, (_, i) => (7 * i + (i >> 8)) & 0xff))
    const [a, b] = [await stage.come('a'), await stage.come('b', { region: 'us' })]
    await subscribe(a, `${stage.room}/a`)
    await subscribe(b, `${stage.room}/b`)
    await a.mqtt.publishAsync(`${stage.room}/b`, payload, { qos: 1 })
    await b.mqtt.publishAsync(`${stage.room}/a`, payload, { qos: 1 })
    for (const one of [a, b]) {
      await one.has(1)
      const got = Buffer.from(one.got[0]?.packet.payload ?? '')
      check(got.equals(payload), `${got.length} bytes came, and not those that were sent`)
    }
  },
  takeover: async (stage) => {
    const first = await stage.come('a')
    const second = await stage.come('a')
    await first.closed()
    if (stage.scene.version === 5) same(first.disconnects, [SESSION_TAKEN_OVER])
    await getsItsOwn(second, `${stage.room}/x`)
  },
  regions: async (stage) => {
    const a = await stage.come('a', { region: 'us' })
    await subscribe(a, `${stage.room}/x`)
    const b = await stage.come('b')
    await publish(b, `${stage.room}/x`, numbered('m', 10))
    await gets(a, numbered('m', 10))
  },
}

export async function takeWithMqttJs(system: System, scene: Scene): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const step of scene.steps) {
    const stage = new Stage(system, scene, step)
    const deadline = new AbortController()
    try {
      const tooLate = sleep(STEP_MS, undefined, { signal: deadline.signal }).then(() => {
        throw new Error(`not done within ${STEP_MS} ms`)
      })
      await Promise.race([STEPS[step](stage), tooLate])
      outcomes.push({ step, ok: true, detail: '' })
    } catch (error) {
      outcomes.push({ step, ok: false, detail: String(error) })
    } finally {
      deadline.abort()
      await stage.end()
    }
  }
  return outcomes
}
