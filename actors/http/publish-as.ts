// Publishes as the client of a token, through the client's own actor: messages by HTTP and by MQTT have one order.
import { deviceAddress } from '../../src/id/actor-name.ts'
import { encodeMessage, type Message } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { type ProblemResponse, problemResponse } from '../../src/relay/problem.ts'
import { refusal } from '../../src/session/publish-refusal.ts'
import type { DevicePeer, IdempotencyKey } from '../device/device-peer.ts'
import { type ApiContext, regionOf } from './edge.ts'

/** A reason code for each message, in order. */
export async function publishAs(
  c: ApiContext,
  messages: readonly Message[],
  key: IdempotencyKey | null,
): Promise<readonly number[] | ProblemResponse<422 | 503>> {
  const { client, fleet, durability } = c.var.claims
  const refused = messages.map(({ topic }) => refusal(topic))
  const allowed = messages.filter((_, i) => refused[i] === null)
  const records = allowed.map((message) =>
    encodeMessage(durability === 'global' && message.qos > 0 ? { ...message, global: true } : message),
  )
  const outcomes = await askActor(c, deviceAddress(regionOf(c), fleet, client), records, key)
  if (outcomes instanceof Response) return outcomes
  let next = 0
  return refused.map((reason) => reason ?? outcomes[next++] ?? Reason.UnspecifiedError)
}

async function askActor(
  c: ApiContext,
  address: ReturnType<typeof deviceAddress>,
  records: readonly Uint8Array[],
  key: IdempotencyKey | null,
): Promise<Uint8Array | ProblemResponse<422 | 503>> {
  if (records.length === 0) return new Uint8Array(0)
  try {
    const reply = await c.env.edge
      .actors()
      .call(address, (device: DevicePeer) => device.publishOwn(packBatch(records), key))
    if (reply.status === 'done') return reply.outcomes
    return problemResponse('idempotency-key-reused', 'The idempotency key was used for another request', {
      field: 'Idempotency-Key',
    })
  } catch (cause) {
    c.env.edge.report('a publish was not answered', { client: address.id }, cause)
    return problemResponse('publish-uncertain', 'It is not known whether it was published', {
      detail: 'to send it again with the same Idempotency-Key publishes once what was answered here',
    })
  }
}

/** The key with a digest of the request: the same key with another request is refused. */
export async function keyOf(c: ApiContext, name: string | undefined): Promise<IdempotencyKey | null> {
  if (name === undefined) return null
  const body = new TextEncoder().encode(`${c.req.path}\n${await c.req.text()}`)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body))
  const request = [...digest.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return { name, request }
}
