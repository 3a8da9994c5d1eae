// What was published, acknowledged and received, and the judgement of it: losses, inversions, duplicates.

import { isLate, isOfCutShort, type Moves, NO_MOVES } from './fail-overs.ts'

/** One publisher's messages to one root; their order is promised. */
export interface Stream {
  readonly index: number
  readonly publisher: string
  readonly region: string
  readonly root: string
  readonly qos: 1 | 2
  /** By sequence number: when it was published, ms since the epoch. */
  readonly sentAt: number[]
  /** When it was answered; undefined while it is not. */
  readonly answeredAt: (number | undefined)[]
  /** The reason code; below 0x80 is acknowledged. */
  readonly code: (number | undefined)[]
}

/** Which promise of order a receiver has: roaming receivers only for their own root; shared groups have none. */
export type ReceiverKind = 'settled' | 'roaming' | 'shared'

interface Arrivals {
  /** By sequence number: how often it came, and when first. */
  readonly count: number[]
  readonly firstAt: number[]
  /** On which connection it came first. */
  readonly firstOn: string[]
  highest: number
}

export interface Receiver {
  readonly id: string
  readonly kind: ReceiverKind
  /** Root → when SUBACK came: everything published later must arrive. */
  readonly since: Map<string, number>
  readonly arrivals: Map<number, Arrivals>
}

export interface Violation {
  readonly what: 'loss' | 'inversion'
  readonly receiver: string
  readonly publisher: string
  readonly publisherRegion: string
  readonly root: string
  readonly sequence: number
  readonly sentAt: number
  readonly answeredAt: number | null
  /** Of an inversion: when it came, in which region, and the later one that was there before. */
  readonly arrivedAt: number | null
  readonly after: { readonly sequence: number; readonly arrivedAt: number; readonly on: string } | null
  readonly on: string | null
}

export interface Verdict {
  readonly published: number
  readonly acknowledged: number
  readonly acknowledgedQos1: number
  readonly refusals: Record<string, number>
  readonly unanswered: number
  readonly expected: number
  readonly arrivals: number
  /** Arrivals of what nobody sent. */
  readonly strange: number
  readonly lost: readonly Violation[]
  readonly inversions: readonly Violation[]
  /** Of roaming receivers, for roots that are not their own. */
  readonly concededInversions: readonly Violation[]
  /** Of roots that went on without their former home, or before they had all from it: what is late comes after newer ones. */
  readonly lateInversions: readonly Violation[]
  readonly duplicatesQos1: number
  readonly duplicatesQos2: number
  readonly duplicatesOf: Readonly<Record<string, number>>
}

export class Ledger {
  readonly streams: Stream[] = []
  readonly receivers = new Map<string, Receiver>()
  readonly #inversions: Violation[] = []
  readonly #conceded: Violation[] = []
  #arrivals = 0
  #strange = 0

  stream(publisher: string, region: string, root: string, qos: 1 | 2): Stream {
    const stream = {
      index: this.streams.length,
      publisher,
      region,
      root,
      qos,
      sentAt: [],
      answeredAt: [],
      code: [],
    }
    this.streams.push(stream)
    return stream
  }

  /** The payload of the stream's next message. */
  sent(stream: Stream, at: number): { readonly sequence: number; readonly payload: Buffer } {
    const sequence = stream.sentAt.push(at) - 1
    const payload = Buffer.alloc(48, 'x')
    payload.writeUInt16BE(stream.index, 0)
    payload.writeUInt32BE(sequence, 2)
    return { sequence, payload }
  }

  answered(stream: Stream, sequence: number, code: number, at: number): void {
    stream.code[sequence] = code
    stream.answeredAt[sequence] = at
  }

  receiver(id: string, kind: ReceiverKind): Receiver {
    const known = this.receivers.get(id)
    if (known !== undefined) return known
    const receiver: Receiver = { id, kind, since: new Map(), arrivals: new Map() }
    this.receivers.set(id, receiver)
    return receiver
  }

  arrived(receiver: Receiver, payload: Buffer, at: number, on: string): void {
    const stream = this.streams[payload.readUInt16BE(0)]
    const sequence = payload.readUInt32BE(2)
    if (stream === undefined || stream.sentAt[sequence] === undefined) {
      this.#strange++
      return
    }
    let arrivals = receiver.arrivals.get(stream.index)
    if (arrivals === undefined) {
      arrivals = { count: [], firstAt: [], firstOn: [], highest: -1 }
      receiver.arrivals.set(stream.index, arrivals)
    }
    this.#arrivals++
    arrivals.count[sequence] = (arrivals.count[sequence] ?? 0) + 1
    if (arrivals.count[sequence] !== 1) return
    arrivals.firstAt[sequence] = at
    arrivals.firstOn[sequence] = on
    if (sequence < arrivals.highest && receiver.kind !== 'shared') {
      const conceded = receiver.kind === 'roaming' && stream.root !== `devices/${receiver.id}`
      const list = conceded ? this.#conceded : this.#inversions
      list.push(violation('inversion', receiver, stream, sequence, at, arrivals))
    }
    arrivals.highest = Math.max(arrivals.highest, sequence)
  }

  /** Acknowledged, subscribed to before, and not there. */
  missing(): Violation[] {
    return [...this.#expected()]
      .filter(([receiver, stream, sequence]) => !receiver.arrivals.get(stream.index)?.count[sequence])
      .map(([receiver, stream, sequence]) => violation('loss', receiver, stream, sequence, null, null))
  }

  unanswered(): number {
    return this.streams.reduce((sum, { sentAt, code }) => sum + sentAt.length - known(code), 0)
  }

  judge({ failOvers, cutShort }: Moves = NO_MOVES): Verdict {
    const refusals: Record<string, number> = {}
    let acknowledged = 0
    let acknowledgedQos1 = 0
    for (const stream of this.streams) {
      for (const code of stream.code) {
        if (code === undefined) continue
        if (code < 0x80) {
          acknowledged++
          if (stream.qos === 1) acknowledgedQos1++
        } else {
          const name = `PUBLISH 0x${code.toString(16)}`
          refusals[name] = (refusals[name] ?? 0) + 1
        }
      }
    }
    const duplicates = { 1: 0, 2: 0 }
    const duplicatesOf: Record<string, number> = {}
    for (const { id, arrivals } of this.receivers.values()) {
      for (const [index, { count }] of arrivals) {
        const more = count.reduce((sum, n) => sum + n - 1, 0)
        duplicates[this.streams[index]?.qos ?? 1] += more
        if (more > 0) duplicatesOf[id] = (duplicatesOf[id] ?? 0) + more
      }
    }
    const late = (one: Violation) =>
      failOvers.some((failOver) => isLate(failOver, one, one.after?.arrivedAt ?? 0)) ||
      cutShort.some((move) => isOfCutShort(move, one))
    return {
      published: this.streams.reduce((sum, { sentAt }) => sum + sentAt.length, 0),
      acknowledged,
      acknowledgedQos1,
      refusals,
      unanswered: this.unanswered(),
      expected: [...this.#expected()].length,
      arrivals: this.#arrivals,
      strange: this.#strange,
      lost: this.missing(),
      inversions: this.#inversions.filter((one) => !late(one)),
      lateInversions: this.#inversions.filter(late),
      concededInversions: this.#conceded,
      duplicatesQos1: duplicates[1],
      duplicatesQos2: duplicates[2],
      duplicatesOf,
    }
  }

  *#expected(): Generator<[Receiver, Stream, number]> {
    for (const receiver of this.receivers.values()) {
      for (const stream of this.streams) {
        const since = receiver.since.get(stream.root)
        if (since === undefined) continue
        for (let sequence = 0; sequence < stream.sentAt.length; sequence++) {
          const code = stream.code[sequence]
          if (code !== undefined && code < 0x80 && (stream.sentAt[sequence] ?? 0) > since)
            yield [receiver, stream, sequence]
        }
      }
    }
  }
}

function known(codes: readonly (number | undefined)[]): number {
  return codes.reduce<number>((sum, code) => sum + (code === undefined ? 0 : 1), 0)
}

function violation(
  what: Violation['what'],
  receiver: Receiver,
  stream: Stream,
  sequence: number,
  arrivedAt: number | null,
  arrivals: Arrivals | null,
): Violation {
  const highest = arrivals?.highest ?? -1
  return {
    what,
    receiver: receiver.id,
    publisher: stream.publisher,
    publisherRegion: stream.region,
    root: stream.root,
    sequence,
    sentAt: stream.sentAt[sequence] ?? 0,
    answeredAt: stream.answeredAt[sequence] ?? null,
    arrivedAt,
    on: arrivals?.firstOn[sequence] ?? null,
    after:
      highest < 0
        ? null
        : {
            sequence: highest,
            arrivedAt: arrivals?.firstAt[highest] ?? 0,
            on: arrivals?.firstOn[highest] ?? '',
          },
  }
}
