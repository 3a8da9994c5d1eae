// Topic aliases: what a client sets, and what the server sets for what it sends often.
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { TOPIC_ALIASES_INCOMING_MAX } from '../../src/session/limits.ts'
import { Session } from '../../src/session/session.ts'
import { OutgoingAliases } from '../../src/session/topic-aliases.ts'
import { termsOf } from './actor.ts'
import { closing, liveSession, publish, startOf } from './packets.ts'

describe('from the client', () => {
  const aliased = (topic: string, topicAlias: number) => ({ ...publish(topic, 0), topicAlias })

  test('an alias stands for the topic it was last set to', () => {
    const session = liveSession(5)
    const topics = [aliased('a/b', 1), aliased('', 1), aliased('c', 1), aliased('', 1)].flatMap((packet) =>
      session.step(packet).flatMap((effect) => (effect.do === 'publish' ? [effect.message.topic] : [])),
    )
    expect(topics).toEqual(['a/b', 'a/b', 'c', 'c'])
  })

  test('an alias beyond the maximum, or one that was not set, closes the connection', () => {
    expect(liveSession(5).step(aliased('a', TOPIC_ALIASES_INCOMING_MAX + 1))).toEqual(
      closing(Reason.TopicAliasInvalid),
    )
    expect(liveSession(5).step(aliased('', 1))).toEqual(closing(Reason.ProtocolError))
  })

  test('an alias ends with its connection, and outlives the loss of memory', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    session.step(aliased('a/b', 3))
    expect(session.aliases).toEqual([[3, 'a/b']])
    const awake = new Session(startOf({ expirySeconds: 60 }))
    const nothing = { unstored: [], stored: [], sentOnConnection: 0, now: 0 }
    awake.step({ type: 'awakened', terms: termsOf(5), aliases: session.aliases, ...nothing })
    expect(awake.step(aliased('', 3))).toMatchObject([{ do: 'publish', message: { topic: 'a/b' } }])
    awake.step({ type: 'disconnected' })
    awake.step({ type: 'connected', terms: termsOf(5) })
    expect(awake.step(aliased('', 3))).toEqual(closing(Reason.ProtocolError))
  })
})

describe('to the client', () => {
  test('a topic gets an alias when it comes the second time, and is left out from the third on', () => {
    const aliases = new OutgoingAliases(2)
    expect([1, 2, 3].map(() => aliases.use('rooms/1/chat'))).toEqual([
      null,
      { alias: 1, known: false },
      { alias: 1, known: true },
    ])
  })

  test('with all in use, the alias used longest ago stands for the new topic', () => {
    const aliases = new OutgoingAliases(2)
    const twice = (topic: string) => [aliases.use(topic), aliases.use(topic)][1]
    expect(twice('topic/a')).toEqual({ alias: 1, known: false })
    expect(twice('topic/b')).toEqual({ alias: 2, known: false })
    expect(aliases.use('topic/a')).toEqual({ alias: 1, known: true })
    expect(twice('topic/c')).toEqual({ alias: 2, known: false })
    expect(aliases.use('topic/b')).toBeNull()
  })

  test('a client that allows none gets none, nor does a topic shorter than its alias', () => {
    expect([1, 2, 3].map(() => new OutgoingAliases(0).use('topic/a'))).toEqual([null, null, null])
    const aliases = new OutgoingAliases(2)
    expect([1, 2, 3].map(() => aliases.use('a'))).toEqual([null, null, null])
  })
})
