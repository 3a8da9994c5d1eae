// Shared subscriptions over the real thing: one member gets each message, in whatever region; what a member leaves
// unacknowledged goes to another.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System

beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const SHARE = '$share/workers'

async function member(region: string, id: string, filter: string, qos: 0 | 1 | 2 = 1): Promise<Client> {
  const client = await Client.connect(system, region, id)
  await client.mqtt.subscribeAsync(`${SHARE}/${filter}`, { qos })
  return client
}

/** A member that acknowledges nothing by itself. */
async function silentMember(id: string, filter: string, expiry = 0): Promise<Raw> {
  const raw = await Raw.connect(system, 'eu', id, { clean: expiry === 0, expiry })
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${SHARE}/${filter}`, qos: 1 }] })
  await raw.gets('suback')
  return raw
}

async function publishAll(
  publisher: Client,
  topic: string,
  count: number,
  qos: 0 | 1 | 2 = 1,
): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `${i}`)
  await Promise.all(texts.map((text) => publisher.mqtt.publishAsync(topic, text, { qos })))
  return texts
}

test.each([0, 1, 2] as const)(
  'each message goes to one member, and every member gets some (QoS %i)',
  async (qos) => {
    const filter = `jobs/spread${qos}/#`
    const members = await Promise.all([1, 2, 3].map((n) => member('eu', `spread${qos}-${n}`, filter, qos)))
    const ordinary = await Client.connect(system, 'eu', `spread${qos}-ordinary`)
    await ordinary.mqtt.subscribeAsync(filter, { qos })
    const publisher = await Client.connect(system, 'eu', `spread${qos}-publisher`)
    const texts = await publishAll(publisher, `jobs/spread${qos}/x`, 60, qos)
    await ordinary.has(60)
    await until(() => members.flatMap((one) => one.texts).length >= 60)
    expect(members.flatMap((one) => one.texts).sort()).toEqual([...texts].sort())
    for (const one of members) expect(one.got.length).toBeGreaterThan(0)
  },
)

test('a group spans regions: members elsewhere get what is published here, once', async () => {
  const there = await Promise.all([1, 2].map((n) => member('us', `span-${n}`, 'jobs/span/#')))
  const publisher = await Client.connect(system, 'eu', 'span-publisher')
  const first = await publishAll(publisher, 'jobs/span/x', 20)
  await until(() => there.flatMap((one) => one.texts).length >= 20)
  expect(there.flatMap((one) => one.texts).sort()).toEqual([...first].sort())

  // Members where the root's home is come first; with none there any more it is another region's turn.
  const here = await member('eu', 'span-here', 'jobs/span/#')
  await Promise.all(there.map((one) => one.mqtt.endAsync()))
  await publishAll(publisher, 'jobs/span/x', 10)
  await here.has(10)
})

test('two groups and an ordinary subscriber each get every message', async () => {
  const one = await Client.connect(system, 'eu', 'groups-one')
  await one.mqtt.subscribeAsync('$share/a/jobs/groups/+')
  const other = await Client.connect(system, 'us', 'groups-other')
  await other.mqtt.subscribeAsync('$share/b/jobs/groups/#')
  await other.mqtt.subscribeAsync('jobs/groups/x')
  const publisher = await Client.connect(system, 'eu', 'groups-publisher')
  await publishAll(publisher, 'jobs/groups/x', 5)
  await Promise.all([one.has(5), other.has(10)])
})

test('what a member had not acknowledged when its connection broke goes to another', async () => {
  const silent = await silentMember('silent-clean', 'jobs/death/#')
  const publisher = await Client.connect(system, 'eu', 'death-publisher')
  const texts = await publishAll(publisher, 'jobs/death/x', 10)
  await silent.gets('publish', 10)
  const other = await member('us', 'death-other', 'jobs/death/#')
  silent.drop()
  await other.has(10)
  expect([...other.texts].sort()).toEqual([...texts].sort())
})

test('a member whose session goes on gives what it has not acknowledged to one that is there', async () => {
  const silent = await silentMember('silent-kept', 'jobs/kept/#', 600)
  const other = await member('eu', 'kept-other', 'jobs/kept/#')
  const publisher = await Client.connect(system, 'eu', 'kept-publisher')
  const texts = await publishAll(publisher, 'jobs/kept/x', 10)
  silent.drop()
  await other.has(10)
  expect([...other.texts].sort()).toEqual([...texts].sort())
})

test('a member whose actor’s process is killed loses nothing to its group', async () => {
  const silent = await silentMember('silent-killed', 'jobs/killed/#')
  const publisher = await Client.connect(system, 'us', 'killed-publisher')
  const texts = await publishAll(publisher, 'jobs/killed/x', 10)
  await silent.gets('publish', 10)
  await system.killAndWait('eu')
  const other = await member('us', 'killed-other', 'jobs/killed/#')
  await other.has(10, 20_000)
  expect([...new Set(other.texts)].sort()).toEqual([...texts].sort())
}, 60_000)

test('with every member away one keeps the messages until it returns', async () => {
  const options = { clean: false, properties: { sessionExpiryInterval: 600 } }
  const away = await Client.connect(system, 'us', 'away-member', options)
  await away.mqtt.subscribeAsync(`${SHARE}/jobs/away/#`, { qos: 1 })
  await away.mqtt.endAsync()
  const publisher = await Client.connect(system, 'eu', 'away-publisher')
  const texts = await publishAll(publisher, 'jobs/away/x', 10)
  const back = await Client.connect(system, 'us', 'away-member', options)
  await back.has(10)
  expect([...back.texts].sort()).toEqual([...texts].sort())
})

test('a message that a member refuses is discarded and goes to nobody else', async () => {
  const refusing = await silentMember('refusing', 'jobs/refused/#', 600)
  const publisher = await Client.connect(system, 'eu', 'refused-publisher')
  await publishAll(publisher, 'jobs/refused/x', 1)
  const { messageId } = await refusing.gets('publish')
  refusing.send({ cmd: 'puback', messageId: messageId as number, reasonCode: 0x83 })
  refusing.send({ cmd: 'pingreq' })
  await refusing.gets('pingresp')
  const other = await member('eu', 'refused-other', 'jobs/refused/#')
  refusing.drop()
  await publishAll(publisher, 'jobs/refused/x', 1)
  await other.has(1)
  expect(other.texts).toEqual(['0'])
})

test('a shared subscription gets no retained messages, and ends with UNSUBSCRIBE', async () => {
  const publisher = await Client.connect(system, 'eu', 'leave-publisher')
  await publisher.mqtt.publishAsync('jobs/leave/x', 'retained', { qos: 1, retain: true })
  const one = await member('eu', 'leave-one', 'jobs/leave/#')
  const other = await member('us', 'leave-other', 'jobs/leave/#')
  await one.mqtt.unsubscribeAsync(`${SHARE}/jobs/leave/#`)
  const texts = await publishAll(publisher, 'jobs/leave/x', 10)
  await other.has(10)
  expect([...other.texts].sort()).toEqual([...texts].sort())
  expect(one.texts).toEqual([])
})

test('a wide filter is shared too: each message of every root goes to one member, in one region or the other', async () => {
  const there = await member('us', 'wide-there', 'jobs/+/wide')
  const here = await member('eu', 'wide-here', 'jobs/+/wide')
  const publisher = await Client.connect(system, 'eu', 'wide-publisher')
  const roots = [1, 2, 3, 4, 5, 6].map((n) => `jobs/wide${n}/wide`)
  await Promise.all(
    roots.flatMap((topic) =>
      [1, 2, 3].map((n) => publisher.mqtt.publishAsync(topic, `${topic} ${n}`, { qos: 1 })),
    ),
  )
  await until(() => here.got.length + there.got.length >= 18)
  const expected = roots.flatMap((topic) => [1, 2, 3].map((n) => `${topic} ${n}`))
  expect([...here.texts, ...there.texts].sort()).toEqual(expected.sort())

  await here.mqtt.endAsync()
  await publisher.mqtt.publishAsync('jobs/wide1/wide', 'after', { qos: 1 })
  await until(() => there.texts.includes('after'))
})

test('what a member of a wide group had not acknowledged goes to another region’s member', async () => {
  const silent = await silentMember('wide-silent', 'jobs/+/widedeath')
  const publisher = await Client.connect(system, 'eu', 'widedeath-publisher')
  const texts = await publishAll(publisher, 'jobs/w/widedeath', 10)
  await silent.gets('publish', 10)
  const other = await member('us', 'widedeath-other', 'jobs/+/widedeath')
  silent.drop()
  await other.has(10)
  expect([...other.texts].sort()).toEqual([...texts].sort())
})
