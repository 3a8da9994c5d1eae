// The registry's HTTP API as an administrator of a fleet calls it.
import { type Ask, ask } from './http.ts'
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
    const { adminToken } = await this.system.local()
    return this.at('core', adminToken, path, { method, body, headers })
  }

  /** At the edge, without a token. */
  async provision(region: string, body: unknown): Promise<Answer<{ credential?: Shown; field?: string }>> {
    return this.at(region, null, '/v1/provision', { method: 'POST', body })
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
    where: string,
    token: string | null,
    path: string,
    request: Ask,
  ): Promise<Answer<Body>> {
    const { status, headers, body } = await ask(this.system, where, token, path, request)
    return { status, etag: headers.get('etag') ?? '', body: (body ?? {}) as Body }
  }
}
