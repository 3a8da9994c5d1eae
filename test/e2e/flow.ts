// Messages published through whatever happens to the system, and which of them were acknowledged.
import { expect } from 'vitest'
import type { Client } from './client.ts'
import { until } from './system.ts'

/** Publishes one after another, some under way at once, through whatever happens; returns those acknowledged. */
export class Flow {
  readonly acknowledged: string[] = []
  private readonly topic: string
  private readonly publisher: Client
  private readonly total: number

  constructor(publisher: Client, topic: string, total: number) {
    this.publisher = publisher
    this.topic = topic
    this.total = total
  }

  async run(): Promise<void> {
    const window = 20
    let next = 0
    await Promise.all(
      Array.from({ length: window }, async () => {
        while (next < this.total) {
          const text = `n${next++}`
          // mqtt.js resends what was open when it reconnects, and resolves with the acknowledgement.
          await this.publisher.publish(this.topic, text)
          this.acknowledged.push(text)
        }
      }),
    )
  }

  async reaches(count: number): Promise<void> {
    while (this.acknowledged.length < count) await new Promise((done) => setTimeout(done, 5))
  }

  /** Waits until all that were acknowledged have come. */
  async arrivesAt(receiver: Client): Promise<void> {
    const missing = () => {
      const got = new Set(receiver.texts)
      return this.acknowledged.filter((text) => !got.has(text))
    }
    await until(() => missing().length === 0, 30_000).catch(() => expect(missing()).toEqual([]))
  }
}
