// The order in which the publishes of a connection are acknowledged.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { type Acknowledgement, IncomingWindow } from '../../src/session/incoming-window.ts'

test('a publish that is settled early waits for those before it [MQTT-4.6.0-2]', () => {
  const incoming = new IncomingWindow()
  const [a, b, c] = [incoming.receive(7, 1, 'a'), incoming.receive(3, 2, 'a'), incoming.receive(5, 1, 'a')]
  expect(incoming.settle(c, Reason.Success)).toEqual([])
  expect(incoming.settle(a, Reason.QuotaExceeded)).toEqual([
    { packetId: 7, qos: 1, reason: Reason.QuotaExceeded },
  ])
  expect(incoming.settle(b, Reason.NoMatchingSubscribers)).toEqual([
    { packetId: 3, qos: 2, reason: Reason.NoMatchingSubscribers },
    { packetId: 5, qos: 1, reason: Reason.Success },
  ])
  expect(incoming.openQos1).toBe(0)
})

test('a publish is open until its answer may go out', () => {
  const incoming = new IncomingWindow()
  const [a, b] = [incoming.receive(1, 1, 'a'), incoming.receive(2, 1, 'a')]
  incoming.settle(b, Reason.Success)
  // Settled, but not answered yet: its answer waits for the first.
  expect(incoming.openQos1).toBe(2)
  incoming.settle(a, Reason.Success)
  expect(incoming.openQos1).toBe(0)
})

test('in whatever order publishes are settled, each is answered once, with its reason, in the order they came', () => {
  const lives = fc.array(
    fc.tuple(fc.double({ noNaN: true }), fc.constantFrom<ReasonCode>(0, 0x10, 0x80, 0x97)),
    {
      maxLength: 40,
    },
  )
  fc.assert(
    fc.property(lives, (life) => {
      const incoming = new IncomingWindow()
      const opened = life.map(([at, reason], i) => ({ at, reason, open: incoming.receive(i + 1, 1, 'a') }))
      const answered: Acknowledgement[] = []
      for (const { open, reason } of opened.toSorted((a, b) => a.at - b.at)) {
        answered.push(...incoming.settle(open, reason))
      }
      expect(answered).toEqual(life.map(([, reason], i) => ({ packetId: i + 1, qos: 1, reason })))
    }),
    { seed: 1883, numRuns: 300 },
  )
})
