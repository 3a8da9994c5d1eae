// Requests to shadows that come by no topic: each is answered, and once only, should it come again.
import type { HomeShadowResponse, ShadowAsked } from '../../../src/relay/shadow.ts'
import { SHADOW_REQUESTS_KEPT_MAX } from '../../limits.ts'
import type { Acceptance } from './acceptance.ts'

export class ShadowRequests {
  private readonly accepting: Acceptance
  private readonly answers = new Map<string, Promise<HomeShadowResponse>>()

  constructor(accepting: Acceptance) {
    this.accepting = accepting
  }

  answer(asked: ShadowAsked): Promise<HomeShadowResponse> {
    if (asked.verb === 'get') return this.apply(asked)
    let answer = this.answers.get(asked.id)
    if (answer !== undefined) return answer
    answer = this.apply(asked)
    this.answers.set(asked.id, answer)
    const [oldest] = this.answers.keys()
    if (oldest !== undefined && this.answers.size > SHADOW_REQUESTS_KEPT_MAX) this.answers.delete(oldest)
    return answer
  }

  private async apply({ path, verb, body }: ShadowAsked): Promise<HomeShadowResponse> {
    const answered = await this.accepting.ask(path, verb, new TextEncoder().encode(body))
    const { shadow, error } = answered
    return {
      status: 'done',
      body: JSON.stringify(answered.body),
      error: error === null ? null : { ...error, field: error.field ?? null },
      version: shadow?.version ?? null,
      changedAt: shadow?.changedAt ?? null,
    }
  }
}
