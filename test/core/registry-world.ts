// A core with a registry over an embedded store, and regions that a test takes away and gives back.
import type { coreApp } from '../../k8s-core/app.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import { EdgeHttp } from '../../k8s-core/edge-http.ts'
import { Edges } from '../../k8s-core/edges.ts'
import type { Registry } from '../../k8s-core/registry/registry.ts'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'
import type { ChangedAccessRequest } from '../../src/relay/access.ts'
import { coreOver, type Place } from './one-core.ts'

const SECRET = 'a secret of more than thirty-two characters'
const [EU, US] = ['eu', 'us'] as RegionId[] as [RegionId, RegionId]

class RecordingEdges extends Edges {
  readonly down = new Set<RegionId>()
  readonly told: (ChangedAccessRequest & { readonly region: RegionId })[] = []

  override async changedAccess(region: RegionId, request: ChangedAccessRequest): Promise<void> {
    if (this.down.has(region)) throw new EdgeUnreachable(region, 'down')
    this.told.push({ region, ...request })
  }
}

export interface Answered<Body> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export class RegistryWorld {
  readonly store: RegisteringStore
  readonly edges: RecordingEdges
  readonly registry: Registry
  private readonly drop: () => Promise<void>
  private readonly app: ReturnType<typeof coreApp>

  private constructor({ store, drop }: Place, now: () => number) {
    this.drop = drop
    this.store = store
    const urls = new Map([
      [EU, ''],
      [US, ''],
    ])
    this.edges = new RecordingEdges(new EdgeHttp(urls, SECRET))
    const core = coreOver(store, this.edges, { relaySecret: SECRET, clientTokenSecret: SECRET, now })
    this.registry = core.registry
    this.app = core.app
  }

  static async open(now: () => number, openPlace: () => Promise<Place>): Promise<RegistryWorld> {
    const place = await openPlace()
    await place.store.migrate()
    return new RegistryWorld(place, now)
  }

  async close(): Promise<void> {
    await this.store.close()
    await this.drop()
  }

  /** As an administrator of the fleet, unless it is said otherwise. */
  async ask<Body = Record<string, unknown>>(
    method: string,
    url: string,
    body?: unknown,
    { fleet = 'default', admin = true, headers = {} as Record<string, string> } = {},
  ): Promise<Answered<Body>> {
    const claims = { client: 'someone' as ClientId, fleet: fleet as FleetId, admin }
    const response = await this.app.request(url, {
      method,
      headers: {
        authorization: `Bearer ${await signClientToken(claims, SECRET, 60)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Body,
    }
  }

  /** The ids of all pages. */
  async list(query: string, limit = 7, fleet = 'default'): Promise<string[]> {
    const ids: string[] = []
    let cursor = ''
    do {
      const url = `/v1/devices?limit=${limit}&cursor=${cursor}&${query}`
      const { status, body } = await this.ask<{ items: { id: string }[]; next: string | null }>(
        'GET',
        url,
        undefined,
        { fleet },
      )
      if (status !== 200) throw new Error(`${url}: ${status} ${JSON.stringify(body)}`)
      ids.push(...body.items.map(({ id }) => id))
      cursor = body.next ?? ''
    } while (cursor !== '')
    return ids
  }
}
