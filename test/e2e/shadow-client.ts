// An mqtt.js client that speaks with shadows and waits for their answers.
import { Client, type ConnectOptions } from './client.ts'
import { type System, until } from './system.ts'

/** An answer's topic below the shadow, and what it says. */
export interface Said {
  readonly topic: string
  readonly body: {
    readonly code?: number
    readonly version?: number
    readonly clientToken?: string
    readonly state?: {
      readonly desired?: Readonly<Record<string, unknown>>
      readonly reported?: Readonly<Record<string, unknown>>
      readonly delta?: Readonly<Record<string, unknown>>
    }
  }
}

export class ShadowClient {
  readonly client: Client
  private readonly root: string
  private tokens = 0

  private constructor(client: Client, root: string) {
    this.client = client
    this.root = root
  }

  /** @param root whose shadow: `devices/lamp/shadow` */
  static async connect(
    system: System,
    region: string,
    id: string,
    root: string,
    options: ConnectOptions = {},
  ): Promise<ShadowClient> {
    return new ShadowClient(await Client.connect(system, region, id, options), root)
  }

  get said(): Said[] {
    return this.client.got.map(({ topic, text }) => ({
      topic: topic.slice(this.root.length + 1),
      body: JSON.parse(text),
    }))
  }

  of(topic: string): Said[] {
    return this.said.filter((one) => one.topic === topic)
  }

  async listen(...filters: string[]): Promise<void> {
    for (const filter of filters) await this.client.subscribe(`${this.root}/${filter}`)
  }

  /** Sends a request, and returns its answer; `+/accepted` and `+/rejected` must be listened to. */
  async ask(verb: string, body: object = {}): Promise<Said> {
    const clientToken = `${this.client.mqtt.options.clientId}-${++this.tokens}`
    await this.client.publish(`${this.root}/${verb}`, JSON.stringify({ ...body, clientToken }))
    const found = () =>
      this.said.find(
        ({ topic, body: answer }) =>
          /\/(accepted|rejected)$/.test(topic) && answer.clientToken === clientToken,
      )
    await until(() => found() !== undefined)
    return found() as Said
  }

  async end(): Promise<void> {
    await this.client.end()
  }
}
