// Samples of what the contract says of history.
import type { Sample } from './samples.ts'

const place = { at: 1_700_000_000_000, epoch: 2, number: 7 }
const placeWrong = { at: -1, epoch: 0.5, number: '7' }
const message = { ...place, publisher: 'lamp', record: Uint8Array.of(0, 0, 0) }
const messageWrong = { ...placeWrong, publisher: null, record: '*' }
const naming = { fleet: 'default', root: 'rooms/42' }

export const keptRow = { ...message, ttlSeconds: 60 }

export const HISTORY_SAMPLES: Readonly<Record<string, Sample>> = {
  historyPlaceSchema: { valid: place, wrong: placeWrong },
  historyMessageSchema: { valid: message, wrong: messageWrong },
  historyRowSchema: { valid: keptRow, wrong: { ...messageWrong, ttlSeconds: 0 } },
  historyRequestSchema: {
    valid: {
      ...naming,
      region: 'eu',
      filter: 'rooms/42/#',
      from: 0,
      to: 1_700_000_000_000,
      order: 'newest',
      limit: 100,
      after: place,
      seam: 'ask',
    },
    wrong: {
      fleet: '',
      root: 1,
      region: 'E',
      filter: '',
      from: -1,
      to: 0.5,
      order: 'random',
      limit: 1_001,
      'after.at': null,
      seam: 'always',
    },
  },
  historyResponseSchema: {
    valid: { status: 'done', messages: [message], next: place, seam: null },
    wrong: { status: 'moved', 'messages.0.record': 5, 'next.number': -1, seam: 'none' },
  },
  historySeamRequestSchema: {
    valid: { ...naming, epoch: 1 },
    wrong: { fleet: 'A', root: '', epoch: -1 },
  },
  historySeamResponseSchema: {
    valid: { status: 'done', seam: place, clock: 1_700_000_000_000 },
    wrong: { status: 'gone', 'seam.at': 'now', clock: null },
  },
}
