// The promises of docs/architecture.md, each with the tests that prove it, by their names, and what is still to come.

export interface Promise_ {
  readonly number: number
  readonly promise: string
  /** Parts of full test names; each must be there and pass. */
  readonly tests: readonly string[]
  /** What of the promise no test proves yet. */
  readonly open: string | null
}

export const PROMISES: readonly Promise_[] = [
  {
    number: 1,
    promise: 'Acknowledged is durable',
    tests: [
      'core is killed (SIGKILL) while 1,000 QoS 1 messages flow from us to eu',
      'eu is killed (SIGKILL) while 1,000 QoS 1 messages flow from us to eu',
      'us is killed (SIGKILL) while 1,000 QoS 1 messages flow from us to eu',
      'a workerd process that is killed forgets no session and no retained message',
      'is lost for ever: nothing that a publisher with durability global had acknowledged is',
      'while regions fall silent',
      'simulated runs with faults break no promise',
      'lose nothing that was acknowledged',
      'survives kill -9 of the region of its home: what was acknowledged is there',
      'no update is lost, versions count all of them',
      'runs with shadows lose no update that was acknowledged',
    ],
    open: null,
  },
  {
    number: 2,
    promise: 'One home',
    tests: [
      'twenty claims of two pods have exactly one winner per epoch',
      'an old connection that is still open in another region is closed with reason 0x8E',
      'its client goes on elsewhere with its session; when it is back it gives way, and its remainder comes later',
      'writes that race with a new home are in what it finds, or were refused',
      'is there in the region to which its device goes when the other is lost; what was not synced comes later',
      'simulated runs with faults break no promise',
    ],
    open: null,
  },
  {
    number: 3,
    promise: 'One order',
    tests: [
      'every member sees the same order, and each publisher its own order',
      'QoS 0 arrives, in order, from region to region',
      'more than a window of messages waits and arrives in order',
      'simulated runs with faults break no promise',
      'keep the order of each publisher and root, at every subscriber',
    ],
    open: null,
  },
  {
    number: 4,
    promise: 'One connection per client id, world-wide',
    tests: [
      'a takeover in the same region closes the older connection with 0x8E',
      'an old connection that is still open in another region is closed with reason 0x8E',
      'comes back in the other region, gets the ten in order, once',
      'lose nothing that was acknowledged, and get each publisher’s messages in order',
      'connects in both regions around its return end with exactly one',
      'simulated runs with faults break no promise',
      'leave one connection for each client id, whose connects race in two regions',
    ],
    open: null,
  },
  {
    number: 5,
    promise: 'No publish after SUBACK is missed',
    tests: [
      'nothing published after SUBACK is missed, whatever region it comes from',
      'miss nothing that is published after SUBACK while publishers run in both regions',
      'simulated runs with faults break no promise',
    ],
    open: null,
  },
  {
    number: 6,
    promise: 'The core holds no message',
    tests: [
      'core is killed (SIGKILL) while 1,000 QoS 1 messages flow from us to eu',
      'what is for elsewhere waits, and arrives in order',
      'simulated runs with faults break no promise',
    ],
    open: null,
  },
  {
    number: 7,
    promise: 'A cut-off region keeps working',
    tests: [
      'two clients of one region keep talking',
      'a subscription that needs another region is refused clearly, and closes nothing',
      'is updated inside a region that is cut off from the core',
      'fills its outbox to the bound, then refuses with 0x97, goes on inside, and drains in order',
      'simulated runs with faults break no promise',
    ],
    open: null,
  },
  {
    number: 8,
    promise: 'Idle is free',
    tests: [
      'a silent client writes nothing and leaves no actor in memory',
      'five hundred that are silent wake nothing',
      'messages that are acknowledged in time write nothing',
    ],
    open: null,
  },
]
