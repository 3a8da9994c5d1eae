// The registry's HTTP API as an administrator of a fleet calls it.
import type { System } from './system.ts'

export interface Shown {
  readonly id: string
  readonly secret: string
  readonly expiresAt: string | null
}

export interface Answer<Body> {
  readonly status: number
  readonly etag: string
  readonly body: Body
}

export class RegistryClient {
  private readonly system: System

  constructor(system: System) {
    this.system = system
  }

  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    const { core, adminToken } = await this.system.local()
    return this.at(core.http, method, path, body, { authorization: `Bearer ${adminToken}`, ...headers })
  }

  /** At the edge, without a token. */
  async provision(region: string, body: unknown): Promise<Answer<{ credential?: Shown; field?: string }>> {
    const edge = (await this.system.local()).regions[region]?.http ?? ''
    return this.at(edge, 'POST', '/v1/provision', body, {})
  }

  async create(id: string, more: Record<string, unknown> = {}): Promise<Shown> {
    const { status, body } = await this.call<{ credential: Shown }>('POST', '/v1/devices', { id, ...more })
    if (status !== 201) throw new Error(`${id} was not created: ${status} ${JSON.stringify(body)}`)
    return body.credential
  }

  async rotate(id: string, body: Record<string, unknown> = {}): Promise<Shown> {
    const answer = await this.call<{ credential: Shown }>('POST', `/v1/devices/${id}/credentials`, body)
    if (answer.status !== 201) throw new Error(`${id} got no credential: ${answer.status}`)
    return answer.body.credential
  }

  private async at<Body>(
    url: string,
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer<Body>> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      etag: response.headers.get('etag') ?? '',
      body: (text === '' ? {} : JSON.parse(text)) as Body,
    }
  }
}
