// `GET /v1/events`: the messages that match some filters, for a browser's EventSource or curl.
import { decodeJwt } from 'jose'
import { EVENTS_PATH, eventsRoute } from '../../src/api/events.ts'
import { messageJson } from '../../src/api/message.ts'
import { presentedToken } from '../../src/api/public-api.ts'
import { onTrust } from '../../src/api/responses.ts'
import type { Message } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { edgeRoutes, regionOf } from './edge.ts'
import { EventStream } from './event-stream.ts'
import { type EventSubscriber, subscribeAs } from './event-subscriber.ts'

export const eventRoutes = edgeRoutes()

eventRoutes.openapi(eventsRoute, async (c) => {
  const { filter: filters, retained } = c.req.valid('query')
  const name = crypto.randomUUID()
  let subscriber: EventSubscriber | null = null
  const stream = new EventStream(name, expiryOf(presentedToken(c, EVENTS_PATH)), () => subscriber?.close())
  const after = c.req.valid('header')['Last-Event-ID']
  if (after !== undefined && after !== '') stream.event({ after }, 'gap')
  subscriber = await subscribeAs(
    c.env.edge,
    {
      fleet: c.var.claims.fleet,
      region: regionOf(c),
      name,
      filters: [...new Set(filters)],
      retained: retained === 'true',
    },
    {
      message: (message) => stream.event(eventOf(message)),
      ended: () => stream.end('disconnected'),
    },
  )
  if (stream.ended) subscriber.close()
  c.req.raw.signal.addEventListener('abort', () => stream.stop())
  const refused = await subscriber.refused
  if (refused !== null) {
    stream.stop()
    const detail = `MQTT reason 0x${refused.toString(16)}`
    return refused === Reason.QuotaExceeded
      ? problemResponse('too-many-filters', 'There are too many wide filters in this region', {
          field: 'filter',
          detail,
        })
      : problemResponse('region-unreachable', 'Not every region that this needs can be reached', { detail })
  }
  return onTrust(
    new Response(stream.body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        // Otherwise some proxies buffer events.
        'x-accel-buffering': 'no',
      },
    }),
  )
})

function eventOf(message: Message) {
  const { qos: _, ...event } = messageJson(message)
  return event
}

/** Expiry of a verified token, ms since the epoch. */
function expiryOf(token: string | undefined): number {
  return (token === undefined ? 0 : (decodeJwt(token).exp ?? 0)) * 1000
}
