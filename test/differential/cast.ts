// A script's clients at one target: does a step for each in turn, waits until the target is quiet, tells what was seen.
import mqttPacket, { type IConnectPacket } from 'mqtt-packet'
import { Connection, type Received } from './connection.ts'
import { malformedBytes } from './malformed.ts'
import { observe, type StepObservation, TAKEN_OVER } from './observe.ts'
import type { MessageProperties, Script, Step, Version } from './script.ts'
import { ROOT_TOPICS, WILL_FILTERS } from './script.ts'
import type { Place } from './target.ts'

const QUIET_MS = 5_000
export const WITNESS = 'witness'

export class Cast {
  private readonly place: Place
  private readonly versions: readonly Version[]
  private readonly live = new Map<string, Connection>()
  /** Taken over in this step. */
  private old: { readonly name: string; readonly connection: Connection } | null = null

  private readonly seen = new Map<string, Received[]>()
  /** Each client's last CONNECT. */
  private readonly connects = new Map<string, Uint8Array>()
  private readonly parted = new Set<string>()

  constructor(place: Place, script: Script) {
    this.place = place
    this.versions = script.clients
  }

  /** Another client, which sees wills: without it nobody could tell when they are due. */
  async begin(): Promise<void> {
    await this.connect(WITNESS, 5, { clean: true })
    await this.quiet()
    const witness = this.live.get(WITNESS)
    // Once per root, before anybody listens: only QoS 1 tells when a message has got through, and a root's first takes longest.
    ROOT_TOPICS.forEach((topic, i) => {
      witness?.send(
        { cmd: 'publish', dup: false, topic, payload: 'first', qos: 1, retain: false, messageId: i + 2 },
        'puback',
      )
    })
    witness?.send(
      {
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: WILL_FILTERS.map((topic) => ({ topic, qos: 1 as const })),
      },
      'suback',
    )
    await this.quiet()
    this.forget()
  }

  async do(step: Step): Promise<void> {
    const name = `c${step.client}`
    const version = this.versions[step.client] ?? 5
    if (step.do === 'connect') {
      const five = version === 5
      await this.connect(name, version, {
        clean: step.clean,
        keepalive: step.keepalive,
        ...(five && { properties: { sessionExpiryInterval: step.expiry } }),
        ...(step.will !== null && {
          will: {
            topic: step.will.topic,
            payload: Buffer.from(step.will.payload),
            qos: step.will.qos,
            retain: step.will.retain,
            ...(five && {
              properties: {
                ...propertiesOf(step.will.properties),
                ...(step.will.delay > 0 && { willDelayInterval: step.will.delay }),
              },
            }),
          },
        }),
      })
      return
    }
    const connection = this.live.get(name)
    // It was closed by an earlier step, at both targets.
    if (connection === undefined || connection.closed) return
    switch (step.do) {
      case 'disconnect':
        connection.send({
          cmd: 'disconnect',
          ...(version === 5 && {
            reasonCode: step.withWill ? 4 : 0,
            properties: step.expiry === null ? {} : { sessionExpiryInterval: step.expiry },
          }),
        })
        await connection.ping() // It is not answered: the end is awaited.
        return
      case 'drop':
        connection.drop()
        await connection.ping()
        return
      case 'stall':
        connection.stalled = true
        return
      case 'subscribe':
        connection.send(
          {
            cmd: 'subscribe',
            messageId: connection.packetId(),
            subscriptions: step.requests.map(
              ({ filter, qos, noLocal, retainAsPublished, retainHandling }) => ({
                topic: filter,
                qos,
                ...(version === 5 && { nl: noLocal, rap: retainAsPublished, rh: retainHandling }),
              }),
            ),
            ...(step.identifier > 0 && { properties: { subscriptionIdentifier: step.identifier } }),
          },
          'suback',
        )
        return
      case 'unsubscribe':
        connection.send(
          {
            cmd: 'unsubscribe',
            messageId: connection.packetId(),
            unsubscriptions: [...step.filters],
          },
          'unsuback',
        )
        return
      case 'publish': {
        const { topic, payload, qos, retain, properties } = step.message
        connection.send(
          {
            cmd: 'publish',
            dup: false,
            topic,
            payload,
            qos,
            retain,
            ...(qos > 0 && { messageId: connection.packetId() }),
            ...(version === 5 && { properties: propertiesOf(properties) }),
          },
          [undefined, 'puback', 'pubcomp'][qos],
        )
        return
      }
      case 'malformed': {
        const connect = this.connects.get(name) ?? new Uint8Array()
        connection.sendBytes(malformedBytes(step.what, version, connect))
        return
      }
      default:
        step satisfies never
    }
  }

  /** Rounds of PINGREQ, until one brings nothing new and no answer is owed: then all that was to come has come. */
  async quiet(): Promise<void> {
    const end = Date.now() + QUIET_MS
    for (let calm = 0; calm < 2 && Date.now() < end; ) {
      const before = this.count
      await Promise.all(this.connections.map((connection) => connection.ping()))
      calm = this.count === before && this.connections.every(({ settled }) => settled) ? calm + 1 : 0
    }
  }

  /** What was seen since `forget`. */
  see(): StepObservation {
    for (const [name, connection] of this.named)
      this.seen.set(name, [...(this.seen.get(name) ?? []), ...connection.take()])
    return Object.fromEntries(
      this.named.map(([name, connection]) => [
        name,
        observe(this.seen.get(name) ?? [], connection.closed && !this.parted.has(name)),
      ]),
    )
  }

  /** Everything seen is told: the next step begins. */
  forget(): void {
    for (const [, connection] of this.named) connection.take()
    this.seen.clear()
    this.parted.clear()
    this.old = null
    for (const [name, connection] of this.live) if (connection.closed) this.live.delete(name)
  }

  /** Breaks the links of these, who were closed at the other target: they count as not closed in this step. */
  part(names: readonly string[]): void {
    for (const name of names) {
      this.parted.add(name)
      this.live.get(name)?.drop()
    }
  }

  async end(): Promise<void> {
    for (const connection of this.live.values()) connection.drop()
    await this.quiet()
  }

  private get named(): [string, Connection][] {
    const live = [...this.live]
    return this.old === null ? live : [...live, [`${this.old.name}${TAKEN_OVER}`, this.old.connection]]
  }

  private get connections(): Connection[] {
    return this.named.map(([, connection]) => connection)
  }

  private get count(): number {
    return this.connections.reduce((sum, { count, closed }) => sum + count + Number(closed), 0)
  }

  private async connect(name: string, version: Version, more: Partial<IConnectPacket>): Promise<void> {
    const connection = await Connection.open(this.place.url(name), version)
    const before = this.live.get(name)
    if (before !== undefined) this.old = { name, connection: before }
    this.live.set(name, connection)
    const packet: IConnectPacket = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: name,
      clean: true,
      keepalive: 0,
      username: 'x',
      password: Buffer.from(await this.place.password(name)),
      ...more,
    }
    this.connects.set(name, mqttPacket.generate(packet, { protocolVersion: version }))
    connection.send(packet, 'connack')
  }
}

function propertiesOf({ correlationData, userProperties, ...rest }: MessageProperties) {
  return {
    ...rest,
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
    ...(userProperties !== undefined && {
      userProperties: structuredClone(userProperties) as Record<string, string | string[]>,
    }),
  }
}
