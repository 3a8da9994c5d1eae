// An mqtt.js client that remembers what it got and why it was closed.
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { type System, until } from './system.ts'

export interface Got {
  readonly topic: string
  readonly text: string
  readonly packet: IPublishPacket
  /** When it came, ms. */
  readonly at: number
}

export interface ConnectOptions extends IClientOptions {
  /** The URL's path says the client id (the usual case), or only `/mqtt` (through a front). */
  readonly front?: boolean
  readonly token?: string | undefined
  /** In place of the one that follows from the rest; then no password is given. */
  readonly url?: string
}

export class Client {
  readonly mqtt: MqttClient
  readonly got: Got[] = []
  readonly errors: Error[] = []
  /** Reason codes of DISCONNECTs from the server. */
  readonly disconnects: number[] = []
  sessionPresent = false
  connects = 0

  private constructor(client: MqttClient) {
    this.mqtt = client
    client.on('message', (topic, payload, packet) => {
      this.got.push({ topic, text: payload.toString(), packet, at: performance.now() })
    })
    client.on('connect', (packet) => {
      this.sessionPresent = packet.sessionPresent
      this.connects++
    })
    client.on('disconnect', (packet) => {
      this.disconnects.push(packet.reasonCode ?? 0)
    })
    client.on('error', (error) => {
      this.errors.push(error)
    })
  }

  /** Does not wait for the connection, nor fail without one. */
  static async begin(
    system: System,
    region: string,
    id: string,
    options: ConnectOptions = {},
  ): Promise<Client> {
    const { front = false, token, url: given, ...rest } = options
    const url = await system.mqttUrl(region)
    return new Client(
      mqtt.connect(given ?? (front ? url : `${url}/${id}`), {
        clientId: id,
        username: 'anything',
        ...(given === undefined && { password: token ?? (await system.token(id)) }),
        protocolVersion: 5,
        reconnectPeriod: 0,
        connectTimeout: 20_000,
        ...rest,
      }),
    )
  }

  static async connect(
    system: System,
    region: string,
    id: string,
    options: ConnectOptions = {},
  ): Promise<Client> {
    const client = await Client.begin(system, region, id, options)
    await until(() => {
      if (client.errors[0] !== undefined) throw client.errors[0]
      return client.connects > 0
    }, 20_000)
    return client
  }

  get texts(): string[] {
    return this.got.map(({ text }) => text)
  }

  /** Waits until this many messages have come. */
  async has(count: number, ms = 20_000): Promise<void> {
    await until(() => this.got.length >= count, ms).catch(() => {
      throw new Error(`${this.got.length} of ${count} messages came: ${this.texts.slice(-5).join(', ')}`)
    })
  }

  async publish(
    topic: string,
    text: string,
    options: mqtt.IClientPublishOptions = { qos: 1 },
  ): Promise<void> {
    await this.mqtt.publishAsync(topic, text, options)
  }

  async subscribe(filter: string, options: mqtt.IClientSubscribeOptions = { qos: 1 }): Promise<number[]> {
    return (await this.mqtt.subscribeAsync(filter, options)).map(({ qos }) => qos)
  }

  /** DISCONNECT. */
  async end(): Promise<void> {
    await this.mqtt.endAsync()
  }

  /** The link breaks, without a word. */
  drop(): void {
    this.mqtt.stream.destroy()
  }

  async closed(ms = 20_000): Promise<void> {
    await until(() => !this.mqtt.connected, ms)
  }
}
