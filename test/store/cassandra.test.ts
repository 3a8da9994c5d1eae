// The Cassandra store under the shared suite, on a real node, and with answers lost on the way.
import { randomBytes } from 'node:crypto'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openCassandraStore } from '../../k8s-core/store/cassandra.ts'
import type { CassandraOptions } from '../../k8s-core/store/cassandra-connect.ts'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { CASSANDRA_ABSENT, CASSANDRA_START_MS, cassandraContactPoints } from '../cassandra/contact-points.ts'
import { type LossyLink, openLossyLink } from './lossy-link.ts'
import { changeOf, SESSION } from './state-suite.ts'
import { describeStore, describeSynced, type StorePlace } from './store-suite.ts'

async function newPlace(
  options: Pick<CassandraOptions, 'syncConsistency'> = {},
): Promise<StorePlace & { keyspace: string }> {
  const contactPoints = await contactPointsOrThrow()
  const keyspace = `test_${randomBytes(8).toString('hex')}`
  return {
    keyspace,
    open: () => openCassandraStore({ contactPoints, localDataCenter: '', keyspace, ...options }),
    drop: async () => {
      const client = new Client({ contactPoints, localDataCenter: await dataCenter(contactPoints) })
      await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { readTimeout: 30_000 })
      await client.shutdown()
    },
  }
}

async function contactPointsOrThrow(): Promise<string[]> {
  const contactPoints = await cassandraContactPoints()
  if (contactPoints === null) throw new Error('there is no Cassandra')
  return contactPoints
}

async function dataCenter(contactPoints: string[]): Promise<string> {
  const client = new Client({ contactPoints, localDataCenter: 'dc1' })
  await client.connect()
  const found = client.hosts.values()[0]!.datacenter
  await client.shutdown()
  return found
}

describe.skipIf(CASSANDRA_ABSENT)('Cassandra', () => {
  describeStore('the Cassandra store', newPlace)
  describeSynced('with a majority of each data center', () => newPlace({ syncConsistency: 'local-quorum' }))

  describe('a link that loses answers', () => {
    const eu = 'eu' as RegionId
    const us = 'us' as RegionId
    let place: StorePlace & { keyspace: string }
    let link: LossyLink
    let store: RegisteringStore

    beforeAll(async () => {
      place = await newPlace()
      const [contactPoint = ''] = await contactPointsOrThrow()
      link = await openLossyLink(contactPoint)
      const { keyspace } = place
      store = await openCassandraStore({ contactPoints: [link.contactPoint], localDataCenter: '', keyspace })
      await store.migrate()
      // Prepares the statements, so that the next frame of each is its execution.
      const root = 'rooms/prepared' as Root
      await store.claimHome(DEFAULT_FLEET, root, eu, 0)
      await store.claimHome(DEFAULT_FLEET, root, us, 1)
      await counted('prepared')
      await counted('prepared')
    }, CASSANDRA_START_MS)

    afterAll(async () => {
      await store?.close()
      await link?.close()
      await place?.drop()
    }, CASSANDRA_START_MS)

    it('a first claim whose answer is lost is recognised as the claimer’s own', async () => {
      link.loseAnswer()
      const result = await store.claimHome(DEFAULT_FLEET, 'rooms/1' as Root, eu, 0)
      expect(link.lost()).toBe(1)
      expect(result).toEqual({ claimed: true, home: { region: eu, epoch: 1, importFrom: [] } })
    }, 30_000)

    it('a move whose answer is lost is recognised as the claimer’s own', async () => {
      const root = 'rooms/2' as Root
      await store.claimHome(DEFAULT_FLEET, root, eu, 0)
      link.loseAnswer()
      const result = await store.claimHome(DEFAULT_FLEET, root, us, 1)
      expect(link.lost()).toBe(2)
      expect(result).toEqual({ claimed: true, home: { region: us, epoch: 2, importFrom: [eu] } })
    }, 30_000)

    it('a release whose answer is lost is known to have happened', async () => {
      const root = 'rooms/3' as Root
      await store.claimHome(DEFAULT_FLEET, root, eu, 0)
      link.loseAnswer()
      expect(await store.releaseHome(DEFAULT_FLEET, root, 1)).toBe(true)
      expect(link.lost()).toBe(3)
      expect(await store.home(DEFAULT_FLEET, root)).toBeNull()
    }, 30_000)

    /** One more than the entry's number, as it was written. */
    const counted = (id: string) =>
      store.registry.change({ fleet: DEFAULT_FLEET, kind: 'device', id }, 'read', (former, version) => {
        const body = String(Number(former?.body ?? 0) + 1)
        return { result: { version, body }, write: { body, indexed: [], unindexed: [], notify: [] } }
      })

    it('a change of the registry whose answer is lost is made once, and answered with what was written', async () => {
      for (const body of ['1', '2', '3']) {
        link.loseAnswer()
        const before = link.lost()
        const result = await counted('lamp')
        expect(link.lost()).toBe(before + 1)
        expect(result.body).toBe(body)
        const stored = await store.registry.entry({ fleet: DEFAULT_FLEET, kind: 'device', id: 'lamp' })
        expect(stored).toEqual(result)
      }
    }, 60_000)
  })

  it(
    'state that one pod puts and another takes keeps its times, however far the clocks of both are off',
    async () => {
      const place = await newPlace()
      const machine = Date.now
      const by = async <T>(aheadMs: number, act: () => Promise<T>): Promise<T> => {
        const clock = vi.spyOn(Date, 'now').mockImplementation(() => machine() + aheadMs)
        try {
          return await act()
        } finally {
          clock.mockRestore()
        }
      }
      const fast = await by(300_000, place.open)
      const slow = await by(-300_000, place.open)
      try {
        await fast.migrate()
        const root = 'devices/lamp' as Root
        // Of a region whose clock is right.
        const change = changeOf(root, 1, 1, { session: SESSION, clock: machine() })
        expect(await by(300_000, () => fast.putState(change))).toBe(true)
        const { clock } = await by(-300_000, () => slow.takeState(DEFAULT_FLEET, root, 2))
        expect(Math.abs(clock - machine())).toBeLessThan(3_000)
      } finally {
        await fast.close()
        await slow.close()
        await place.drop()
      }
    },
    CASSANDRA_START_MS,
  )

  it('a store opens only where a contact point answers', async () => {
    const options = { contactPoints: ['127.0.0.1:1'], localDataCenter: '', keyspace: 'starling' }
    await expect(openCassandraStore(options)).rejects.toThrow('Cassandra')
  })
})
