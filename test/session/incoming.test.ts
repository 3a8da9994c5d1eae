// The order in which a connection's publishes are acknowledged, and how many may be open.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { type Acknowledgement, Incoming } from '../../src/session/incoming.ts'

function received(incoming: Incoming, packetId: number) {
  const open = incoming.receive(packetId)
  if (open === null) throw new Error(`${packetId} was refused`)
  return open
}

test('a publish that is settled early waits for those before it [MQTT-4.6.0-2]', () => {
  const incoming = new Incoming(10)
  const [a, b, c] = [received(incoming, 7), received(incoming, 3), received(incoming, 5)]
  expect(incoming.settle(c, Reason.Success)).toEqual([])
  expect(incoming.settle(a, Reason.QuotaExceeded)).toEqual([{ packetId: 7, reason: Reason.QuotaExceeded }])
  expect(incoming.settle(b, Reason.NoMatchingSubscribers)).toEqual([
    { packetId: 3, reason: Reason.NoMatchingSubscribers },
    { packetId: 5, reason: Reason.Success },
  ])
  expect(incoming.size).toBe(0)
})

test('no more publishes are taken in than may be open, and one more for each that is answered [MQTT-3.3.4-7]', () => {
  const incoming = new Incoming(2)
  const a = received(incoming, 1)
  const b = received(incoming, 2)
  expect(incoming.receive(3)).toBeNull()
  incoming.settle(b, Reason.Success)
  // Settled, but not answered yet: its answer waits for the first.
  expect(incoming.receive(3)).toBeNull()
  incoming.settle(a, Reason.Success)
  expect(incoming.size).toBe(0)
  expect(incoming.receive(3)).not.toBeNull()
})

test('in whatever order publishes are settled, each is answered once, with its reason, in the order they came', () => {
  const lives = fc.array(fc.tuple(fc.double({ noNaN: true }), fc.constantFrom<ReasonCode>(0, 0x10, 0x97)), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(lives, (life) => {
      const incoming = new Incoming(40)
      const opened = life.map(([at, reason], i) => ({ at, reason, open: received(incoming, i + 1) }))
      const answered: Acknowledgement[] = []
      for (const { open, reason } of opened.toSorted((a, b) => a.at - b.at)) {
        answered.push(...incoming.settle(open, reason))
      }
      expect(answered).toEqual(life.map(([, reason], i) => ({ packetId: i + 1, reason })))
    }),
    { seed: 1883, numRuns: 300 },
  )
})
