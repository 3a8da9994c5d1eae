// Which version a caller uses with a peer, over upgrades, downgrades and answers that make no sense.
import { describe, expect, test } from 'vitest'
import { PeerVersion, VERSION_REFUSED_MS } from '../../src/relay/peer-version.ts'

let now = 0
const peer = () => new PeerVersion(() => now)

test('the first call to a peer is made in the oldest version', () => {
  expect(peer().current).toBe(1)
})

test('an answer with a range makes the next call go up to the highest common version', () => {
  const version = peer()
  version.answered(1, '1-9')
  expect(version.current).toBe(2)
})

test('an answer without a range is one of a side from before ranges', () => {
  const version = peer()
  version.answered(1, '1-2')
  version.answered(1, null)
  expect(version.current).toBe(1)
})

test('an answer in a version whose header was lost says that this version is served', () => {
  const version = peer()
  version.answered(1, '1-2')
  version.answered(2, null)
  expect(version.current).toBe(2)
})

test.each(['', '2', '2-1', '0-0', 'all', '1-2-3', '99999-99999'])(
  'a range of %j is taken for none',
  (versions) => {
    const version = peer()
    version.answered(1, versions)
    expect(version.current).toBe(1)
    version.answered(1, '1-2')
    expect(version.missing(2, versions)).toEqual({ use: 1 })
  },
)

describe('a version that is not there', () => {
  test('is left for the highest common one, at once', () => {
    const version = peer()
    version.answered(1, '1-2')
    expect(version.missing(2, '1-1')).toEqual({ use: 1 })
    expect(version.current).toBe(1)
  })

  test('is left for the oldest where no range is answered: that side is from before ranges', () => {
    const version = peer()
    version.answered(1, '1-2')
    expect(version.missing(2, null)).toEqual({ use: 1 })
  })

  test('is not used again for a while, though other pods of the address offer it; then it is', () => {
    const version = peer()
    version.answered(1, '1-2')
    version.missing(2, null)
    version.answered(1, '1-2')
    expect(version.current).toBe(1)
    now += VERSION_REFUSED_MS - 1
    expect(version.current).toBe(1)
    now += 1
    expect(version.current).toBe(2)
  })

  test('may be the oldest: the peer has dropped it, and the caller goes up', () => {
    const version = peer()
    expect(version.missing(1, '2-5')).toEqual({ use: 2 })
    expect(version.current).toBe(2)
  })

  test('with none in common is said to be so', () => {
    expect(peer().missing(1, '7-9')).toEqual({ use: 'none', theirs: { min: 7, max: 9 } })
  })
})

test('a 404 of a peer that serves the version is about something else', () => {
  const version = peer()
  version.answered(1, '1-2')
  expect(version.missing(2, '1-2')).toEqual({ use: 'same' })
  expect(version.missing(1, null)).toEqual({ use: 'same' })
  expect(version.current).toBe(2)
})
