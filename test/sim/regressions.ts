// Seeds of runs that once broke a promise, each with what was wrong.

export interface Regression {
  readonly seed: number
  readonly what: string
}

export const REGRESSIONS: readonly Regression[] = [
  { seed: 81, what: 'a device that was first called as a leaf had no method to be delivered to' },
  { seed: 416, what: 'a subscribe that failed late took back one that had succeeded meanwhile' },
  { seed: 109, what: 'the outbox kept a newer message before an older one that was under way' },
  { seed: 83, what: 'what came after a message under way overtook it when the home came to the region' },
  { seed: 444, what: 'a call on a new stub overtook one that was to fail with the old stub' },
  {
    seed: 1043,
    what: 'SUBACK without an interest, since a pod remembered the home in the region that asked',
  },
  { seed: 10, what: 'a message got another number when one behind it was given up, and was taken twice' },
  {
    seed: 43,
    what: 'a late QoS 2 delivery was taken for one that the new home had, since it was in its list of those seen',
  },
  {
    seed: 246,
    what: 'a fence did not ask the region in whose outbox a home that had moved had left something',
  },
  { seed: 30994, what: 'a CONNECT whose home moved on meanwhile was answered with an unspecified error' },
  { seed: 34637, what: 'a newer message overtook a late one between two tries of an import' },
  {
    seed: 34863,
    what: 'a newer message overtook a late one between two tries of an import, the publisher its client',
  },
  {
    seed: 37601,
    what: 'a release that waited for its fence ended the subscriptions of the home that had come back',
  },
  {
    seed: 34282,
    what: 'a QoS 2 delivery was stored, the QoS 1 ones in flight before it were not, and came behind it',
  },
  { seed: 38144, what: 'what came late for a group by a member whose session had ended was dropped' },
  { seed: 37712, what: 'an offer under way was given up, and two members of a group got the message' },
  {
    seed: 1001815,
    what: 'a CONNECT with Clean Start whose peer had left ended the session that a later one had resumed',
  },
  {
    seed: 49414,
    what: 'an offer to a group that came again was answered as taken, though nobody had taken it',
  },
  {
    seed: 1004977,
    what: 'what came late for a group by a member whose connection had ended unnoticed was dropped',
  },
  {
    seed: 51331,
    what: 'a message for a group was given up, since its one member had been missed in each region on its way',
  },
  { seed: 63126, what: 'of deliveries that were held for an import a later one went on before the first' },
  { seed: 949, what: 'a withdrawal of interest that came late undid a newer wish' },
]
