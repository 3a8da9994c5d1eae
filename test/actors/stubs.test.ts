// Calls to other actors over stubs that fail.
import { expect, test } from 'vitest'
import type { Peers } from '../../actors/platform.ts'
import type { ActorAddress } from '../../src/id/actor-name.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { held } from './fake-peers.ts'
import { addressOf, EU, LAMP, LAMP_ROOT, watch } from './samples.ts'

// Its types are workerd's, which the tests are not checked with.
const file = '../../actors/hosts/workerd/peers.ts'
const { workerdPeers } = (await import(file)) as {
  readonly workerdPeers: (env: object, self: ActorAddress) => Peers
}

test('a device that was first called as a leaf can be delivered to', async () => {
  const called: string[] = []
  const stub = {
    publish: async () => called.push('publish'),
    deliver: async () => called.push('deliver'),
  }
  const peers = workerdPeers(
    { REGIONS: 'eu', DEVICE: { getByName: () => stub } },
    addressOf('topic', EU, 'rooms/1'),
  )
  await peers.leaf(LAMP_ROOT).publish(LAMP, packBatch([]))
  await peers.device(LAMP).deliver('session', packBatch([]))
  expect(called).toEqual(['publish', 'deliver'])
})

test('a call goes over a new stub only when those under way on the broken one have failed', async () => {
  const first = [held<never>(), held<never>()]
  const answers = [...first]
  const stubs = [
    { deliver: () => answers.shift()?.answer ?? Promise.reject(new Error('the stub is broken')) },
    { deliver: async () => new Uint8Array(0) },
  ]
  let made = 0
  const env = { REGIONS: 'eu', DEVICE: { getByName: () => stubs[made++] } }
  const device = workerdPeers(env, addressOf('topic', EU, 'rooms/1')).device(LAMP)
  const calls = [watch(device.deliver('s', packBatch([]))), watch(device.deliver('s', packBatch([])))]
  first[0]?.fail(new Error('the process died'))
  await new Promise((done) => setImmediate(done))
  const between = watch(device.deliver('s', packBatch([])))
  await new Promise((done) => setImmediate(done))
  expect([calls[0]?.state(), calls[1]?.state(), between.state(), made]).toEqual([
    'rejected',
    'open',
    'rejected',
    1,
  ])
  first[1]?.fail(new Error('the process died'))
  await new Promise((done) => setImmediate(done))
  expect(await device.deliver('s', packBatch([]))).toEqual(new Uint8Array(0))
  expect(made).toBe(2)
})
