// WideActors of two regions that live in one time, the core between them, and the clients' actors.
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Wide } from '../../actors/wide/wide.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { WideRequest } from '../../src/relay/wide.ts'
import { FakeClock } from './fake-clock.ts'
import { fakeCore, fakePeers, type PeersScript } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, deliveredTexts, EU, US } from './samples.ts'

export interface Region {
  platform: FakePlatform
  wide: Wide
  /** `client text`, as it came. */
  readonly got: string[]
}

export class WideWorld {
  readonly clock = new FakeClock()
  /** What went to the core. */
  readonly calls: WideRequest[] = []
  up = true
  /** How long a call takes to the core. */
  delayMs = 0
  readonly eu: Region
  readonly us: Region
  private sent = 0

  constructor(script: PeersScript = {}) {
    this.eu = this.region(EU, script)
    this.us = this.region(US, script)
  }

  loseMemory(region: Region): void {
    region.platform = region.platform.loseMemory()
    region.wide = new Wide(region.platform, 0)
  }

  loseStorage(region: Region): void {
    region.platform = region.platform.loseStorage()
    region.wide = new Wide(region.platform, 0)
  }

  /** Both have learnt of each other, and no grant is out. */
  async acquainted(): Promise<this> {
    for (const { wide } of [this.eu, this.us]) await wide.publish('any/one' as Root, new Uint8Array(0))
    await this.clock.pass(5_000)
    this.calls.length = 0
    return this
  }

  private region(name: RegionId, script: PeersScript): Region {
    const got: string[] = []
    const platform = new FakePlatform(addressOf('wide', name, '0'), {
      clock: this.clock,
      peers: fakePeers({
        device: (client) => ({
          deliver: async (_, batch) => {
            got.push(...deliveredTexts(batch).map((text) => `${client} ${text}`))
            return new Uint8Array(unpackBatch(batch).length)
          },
        }),
        uplink: () => ({
          send: async (root, to, _, batch) => {
            if (to.kind !== 'wide') throw new Error(`a WideActor sends to ${to.kind}`)
            const first = this.sent
            this.sent += unpackBatch(batch).length
            const answer = await (to.region === EU ? this.eu : this.us).wide.receive({
              fleet: DEFAULT_FLEET,
              root,
              to,
              source: name,
              first,
              clock: this.clock.now,
              records: batch,
            })
            return Uint8Array.from(answer.status === 'done' ? answer.outcomes : [])
          },
        }),
        ...script,
      }),
      core: fakeCore(name, {
        wide: async (request) => {
          this.calls.push(request)
          if (this.delayMs > 0) await new Promise<void>((done) => this.clock.after(this.delayMs, done))
          if (!this.up) throw new CoreUnreachable('the core is down')
          const other = name === EU ? US : EU
          const { wide } = name === EU ? this.us : this.eu
          return { regions: [{ region: other, ...wide.learn(request) }] }
        },
      }),
    })
    return { platform, wide: new Wide(platform, 0), got }
  }
}
