// The registry's API at the core, over any store: devices, credentials, groups, claim tokens and imports, and whom it tells of a change.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { REGISTRY_LEFT_OVER_MS } from '../../k8s-core/limits.ts'
import { ALL_DEVICES, groupIndex } from '../../k8s-core/registry/device-record.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { isSecret, newSecret } from '../../src/id/secret.ts'
import type { Place } from './one-core.ts'
import { RegistryWorld } from './registry-world.ts'

const US = 'us' as RegionId

interface Shown {
  readonly id: string
  readonly secret: string
}
interface Device {
  readonly id: string
  readonly type: string | null
  readonly attributes: Record<string, string>
  readonly groups: string[]
  readonly enabled: boolean
  readonly credentials: { id: string; expiresAt: string | null }[]
  readonly revoked: { id: string }[]
}
type Changed = { device: Device; pending: string[]; credential: Shown }

const SETUP_MS = 300_000

/** @param many devices of one import, in thousands */
export function describeRegistryApi(name: string, openPlace: () => Promise<Place>, many: number): void {
  describe(name, () => {
    let world: RegistryWorld
    let aheadMs = 0
    beforeAll(async () => {
      world = await RegistryWorld.open(() => Date.now() + aheadMs, openPlace)
    }, SETUP_MS)
    afterAll(() => world?.close(), SETUP_MS)
    beforeEach(() => {
      aheadMs = 0
      world.edges.told.length = 0
      world.edges.down.clear()
    })

    const openNotices = async () =>
      (
        await Promise.all(['eu', 'us'].map((one) => world.store.registry.notices(one as RegionId, 100)))
      ).flat()

    const create = (id: string, more = {}) =>
      world.ask<{ device: Device; credential: Shown }>('POST', '/v1/devices', { id, ...more })

    describe('a device', () => {
      test('is made once, with a secret of which only a hash is kept', async () => {
        const made = await create('lamp', {
          type: 'lamp',
          attributes: { site: 'berlin' },
          groups: ['hall', 'hall'],
        })
        expect([made.status, made.headers.get('location')]).toEqual([201, '/v1/devices/lamp'])
        expect(made.body.device).toMatchObject({ id: 'lamp', type: 'lamp', groups: ['hall'], enabled: true })
        const { secret, id } = made.body.credential
        expect(secret).toMatch(/^slk_[0-9a-f]{16}_[\w-]{43}$/)
        const stored = await world.registry.devices.get(DEFAULT_FLEET, 'lamp' as never)
        expect(JSON.stringify(stored)).not.toContain(secret.slice(-20))
        expect(stored?.credentials.map((one) => one.id)).toEqual([id])
        const [kept] = stored?.credentials ?? []
        expect(kept !== undefined && (await isSecret(secret, kept))).toBe(true)
        expect(kept !== undefined && (await isSecret(`${secret.slice(0, -1)}x`, kept))).toBe(false)
        const again = await create('lamp')
        expect([again.status, (again.body as unknown as { field: string }).field]).toEqual([409, 'id'])
        const read = await world.ask<Device>('GET', '/v1/devices/lamp')
        expect(read.body).toEqual(made.body.device)
        expect(JSON.stringify(read.body)).not.toMatch(/salt|hash|secret/)
        // Nobody had heard of it, so nobody is told.
        expect(world.edges.told).toEqual([])
      })

      test('is changed as the patch says, for the version that is named', async () => {
        const made = await create('patched', { attributes: { a: '1', b: '2' }, groups: ['x'] })
        const etag = made.headers.get('etag') ?? ''
        const patch = { attributes: { a: null, c: '3' }, groups: ['y'] }
        const changed = await world.ask<Changed>('PATCH', '/v1/devices/patched', patch, {
          headers: { 'if-match': etag },
        })
        expect(changed.body.device).toMatchObject({ attributes: { b: '2', c: '3' }, groups: ['y'] })
        expect(changed.headers.get('etag')).not.toBe(etag)
        const late = await world.ask(
          'PATCH',
          '/v1/devices/patched',
          { type: 'x' },
          { headers: { 'if-match': etag } },
        )
        expect([late.status, late.body.field]).toEqual([412, 'If-Match'])
        const nothing = await world.ask('PATCH', '/v1/devices/patched', { groups: ['y'] })
        expect(nothing.headers.get('etag')).toBe(changed.headers.get('etag'))
        expect(world.edges.told).toEqual([])
        expect((await world.ask('PATCH', '/v1/devices/nobody', {})).status).toBe(404)
      })

      test.each([
        ['id', { id: 'a/b' }],
        ['attributes.a b', { id: 'x', attributes: { 'a b': '1' } }],
        ['groups.0', { id: 'x', groups: ['a b'] }],
        ['secret', { id: 'x', secret: 'hunter2' }],
      ])('that is described wrongly is refused, and %s is named', async (field, body) => {
        const { status, body: problem } = await world.ask('POST', '/v1/devices', body)
        expect([status, problem.field]).toEqual([400, field])
      })

      test('belongs to its fleet, and only that one’s administrators see it', async () => {
        await create('ours')
        expect((await world.ask('GET', '/v1/devices/ours', undefined, { admin: false })).status).toBe(403)
        expect((await world.ask('GET', '/v1/devices/ours', undefined, { fleet: 'other' })).status).toBe(404)
        const theirs = { fleet: 'other' }
        expect((await world.ask('POST', '/v1/devices', { id: 'ours' }, theirs)).status).toBe(404)
        expect((await world.ask('PUT', '/v1/fleets/other', {}, theirs)).status).toBe(403)
        expect((await world.ask('PUT', '/v1/fleets/other', { description: 'another' })).status).toBe(201)
        expect((await world.ask('PUT', '/v1/fleets/other', {})).status).toBe(200)
        expect((await world.ask('POST', '/v1/devices', { id: 'ours' }, theirs)).status).toBe(201)
        expect(await world.list('', 7, 'other')).toEqual(['ours'])
        const { body } = await world.ask<{ items: { id: string }[] }>('GET', '/v1/fleets')
        expect(body.items.map(({ id }) => id)).toEqual(['other'])
      })
    })

    describe('devices are found', () => {
      beforeAll(async () => {
        for (let i = 0; i < 30; i++)
          await create(`f-${i}`, {
            type: i % 2 === 0 ? 'even' : 'odd',
            groups: i < 10 ? ['first', 'found'] : ['found'],
            attributes: { third: String(i % 3), n: String(i) },
            credential: false,
          })
      })
      const named = (keep: (i: number) => boolean) =>
        Array.from({ length: 30 }, (_, i) => i)
          .filter(keep)
          .map((i) => `f-${i}`)
          .sort()

      test.each([
        ['group=found', () => true],
        ['prefix=f-1', (i: number) => i === 1 || (i >= 10 && i < 20)],
        ['group=first&attribute=third:2', (i: number) => i < 10 && i % 3 === 2],
        ['attribute=third:2&attribute=n:5', (i: number) => i === 5],
        ['type=odd&group=found', (i: number) => i % 2 === 1],
        ['group=found&enabled=false', () => false],
        ['attribute=third:7', () => false],
      ])('by %s', async (query, keep) => {
        const found = await world.list(query)
        expect([...found].sort()).toEqual(named(keep))
        // In one order, however large the pages.
        expect(await world.list(query, 1000)).toEqual(found)
      })

      test('not where the query makes no sense', async () => {
        for (const [field, query] of [
          ['attribute', 'attribute=site'],
          ['attribute', `attribute=site:${'x'.repeat(300)}`],
          ['attribute', 'attribute=a%20b:1'],
          ['cursor', 'cursor=bm9uZQ'],
          ['limit', 'limit=0'],
        ])
          expect(await world.ask('GET', `/v1/devices?${query}`)).toMatchObject({
            status: 400,
            body: { field },
          })
      })

      test('by groups that they are in now', async () => {
        expect((await world.ask('PUT', '/v1/groups/moving/devices/f-1')).status).toBe(200)
        expect(await world.list('group=moving')).toEqual(['f-1'])
        expect((await world.ask<{ items: string[] }>('GET', '/v1/groups')).body.items).toContain('moving')
        expect((await world.ask('DELETE', '/v1/groups/moving/devices/f-1')).status).toBe(200)
        expect(await world.list('group=moving')).toEqual([])
        expect(await world.list('group=first&prefix=f-1')).toEqual(['f-1'])
        expect((await world.ask('PUT', '/v1/groups/moving/devices/nobody')).status).toBe(404)
      })

      test('and a row that a broken-off change has left in an index is ignored, and removed when it is old', async () => {
        const ghost = { index: groupIndex('first'), entry: 'f-29' }
        const write = {
          body: null,
          indexed: [ghost, { index: ALL_DEVICES, entry: 'ghost' }],
          unindexed: [],
          notify: [],
        }
        const key = { fleet: DEFAULT_FLEET, kind: 'claim-token', id: 'broke-off' } as const
        await world.store.registry.change(key, 'read', () => ({ result: null, write }))
        const rows = async () => {
          const query = { fleet: DEFAULT_FLEET, index: ghost.index, prefix: '', after: null, limit: 100 }
          return (await world.store.registry.indexed(query)).rows.length
        }
        expect(await world.list('group=first')).not.toContain('f-29')
        expect(await world.list('prefix=ghost')).toEqual([])
        expect(await rows()).toBe(11)
        aheadMs = REGISTRY_LEFT_OVER_MS + 60_000
        expect(await world.list('group=first')).toHaveLength(10)
        expect(await rows()).toBe(10)
      })
    })

    describe('credentials', () => {
      test('are given beside the old ones, which may be given an end, and at most eight', async () => {
        await create('rotated')
        const rotate = (body = {}) => world.ask<Changed>('POST', '/v1/devices/rotated/credentials', body)
        const second = await rotate()
        expect(second.body.device.credentials.map(({ expiresAt }) => expiresAt)).toEqual([null, null])
        const third = await rotate({ graceSeconds: 3600, expiresInSeconds: 7200 })
        const ends = third.body.device.credentials.map(({ expiresAt }) => Date.parse(expiresAt ?? ''))
        expect(ends.map((end) => Math.round((end - Date.now()) / 600_000))).toEqual([6, 6, 12])
        for (let i = 3; i < 8; i++) expect((await rotate()).status).toBe(201)
        expect((await rotate()).status).toBe(409)
        // Those that have ended make room.
        aheadMs = 4_000_000
        const later = await rotate()
        expect([later.status, later.body.device.credentials.length]).toEqual([201, 7])
      })

      test('two given at once are both kept', async () => {
        await create('raced', { credential: false })
        const made = await Promise.all(
          Array.from({ length: 6 }, () => world.ask<Changed>('POST', '/v1/devices/raced/credentials', {})),
        )
        const { body } = await world.ask<Device>('GET', '/v1/devices/raced')
        expect(body.credentials.map(({ id }) => id).sort()).toEqual(
          made.map((one) => one.body.credential.id).sort(),
        )
      })

      test('that are revoked reach every region before the answer', async () => {
        const { body } = await create('told')
        const { id } = body.credential
        const revoked = await world.ask<Changed>('DELETE', `/v1/devices/told/credentials/${id}`)
        expect(revoked.body).toMatchObject({ pending: [], device: { credentials: [], revoked: [{ id }] } })
        expect(
          world.edges.told.map(({ region, client, access }) => [region, client, access.revoked]),
        ).toEqual([
          ['eu', 'told', [id]],
          ['us', 'told', [id]],
        ])
        expect((await world.ask('DELETE', '/v1/devices/told/credentials/00ff00ff00ff00ff')).status).toBe(404)
        expect((await world.ask('POST', '/v1/devices/nobody/revoke')).status).toBe(404)
        expect(await openNotices()).toEqual([])
      })

      test('of a region that is out of reach are pending, and sent as they are then when it is back', async () => {
        await create('pending')
        world.edges.down.add(US)
        const revoked = await world.ask<Changed>('POST', '/v1/devices/pending/revoke')
        expect(revoked.body.pending).toEqual(['us'])
        await world.registry.notices.look()
        const disabled = await world.ask<Changed>('PATCH', '/v1/devices/pending', { enabled: false })
        expect(disabled.body.pending).toEqual(['us'])
        expect((await openNotices()).map(({ region }) => region)).toEqual(['us'])
        world.edges.told.length = 0
        world.edges.down.clear()
        await world.registry.notices.look()
        expect(world.edges.told).toMatchObject([
          { region: 'us', client: 'pending', access: { enabled: false, credentials: [] } },
        ])
        expect(await openNotices()).toEqual([])
      })

      test('whose change never came about, since the core died before it, are sent as they are after a while', async () => {
        await create('half-made')
        // Of a later version than the device's.
        await sleep(5)
        const key = { fleet: DEFAULT_FLEET, kind: 'claim-token', id: 'half-made' } as const
        await world.store.registry.change(key, 'read', () => ({
          result: null,
          write: { body: null, indexed: [], unindexed: [], notify: [US] },
        }))
        await world.registry.notices.look()
        expect(world.edges.told).toEqual([])
        aheadMs = 120_000
        await world.registry.notices.look()
        expect(world.edges.told).toMatchObject([
          { region: 'us', client: 'half-made', access: { enabled: true } },
        ])
        expect(await openNotices()).toEqual([])
      })

      test('of a removed device are void everywhere, under a version that its next life goes on from', async () => {
        await create('removed')
        expect((await world.ask('DELETE', '/v1/devices/removed')).status).toBe(200)
        const [told] = world.edges.told
        expect(told?.access).toMatchObject({ credentials: [], enabled: true })
        expect((await world.ask('GET', '/v1/devices/removed')).status).toBe(404)
        expect(await world.list('prefix=removed')).toEqual([])
        const again = await create('removed')
        expect(Number(again.headers.get('etag')?.slice(1, -1))).toBeGreaterThan(
          told?.access.version ?? Infinity,
        )
      })
    })

    describe('a claim token', () => {
      const claimToken = async (wish = {}) =>
        (
          await world.ask<{ id: string; token: string; usesLeft: number | null }>(
            'POST',
            '/v1/claim-tokens',
            wish,
          )
        ).body
      const provision = (body: Record<string, unknown>) =>
        world.ask<{ credential: Shown; field: string }>('POST', '/v1/provision', body, {
          headers: { authorization: '' },
        })

      test('registers a device, with what it says, and tells its secret once', async () => {
        const { token } = await claimToken({
          uses: 1,
          groups: ['claimed'],
          type: 'lamp',
          attributes: { a: '1' },
        })
        const done = await provision({ claimToken: token, device: 'claimed' })
        expect([done.status, done.body.credential.secret.slice(0, 4)]).toEqual([201, 'slk_'])
        const { body } = await world.ask<Device>('GET', '/v1/devices/claimed')
        expect(body).toMatchObject({ groups: ['claimed'], type: 'lamp', attributes: { a: '1' } })
        expect(body.credentials.map(({ id }) => id)).toEqual([done.body.credential.id])
        expect(await provision({ claimToken: token, device: 'claimed' })).toMatchObject({ status: 409 })
        expect(await provision({ claimToken: token, device: 'another' })).toMatchObject({
          status: 403,
          body: { field: 'claimToken' },
        })
      })

      test('gives no more than its limit, whoever races', async () => {
        const { token, id } = await claimToken({ uses: 10 })
        const done = await Promise.all(
          Array.from({ length: 40 }, (_, i) => provision({ claimToken: token, device: `race-${i}` })),
        )
        expect(done.filter(({ status }) => status === 201)).toHaveLength(10)
        expect(done.filter(({ status }) => status === 403)).toHaveLength(30)
        expect(await world.list('prefix=race-')).toHaveLength(10)
        const { body } = await world.ask<{ items: { id: string; usesLeft: number }[] }>(
          'GET',
          '/v1/claim-tokens?limit=1000',
        )
        expect(body.items.find((one) => one.id === id)?.usesLeft).toBe(0)
      })

      test('makes a device once, and gives a use back that came to nothing', async () => {
        const { token, id } = await claimToken({ uses: 5 })
        const done = await Promise.all(
          Array.from({ length: 4 }, () => provision({ claimToken: token, device: 'the-same' })),
        )
        expect(done.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
        expect((await world.registry.claimTokens.get(DEFAULT_FLEET, id))?.usesLeft).toBe(4)
      })

      test('lets a device ask again that did not get the answer, and nobody else; what was lost is revoked', async () => {
        const { token } = await claimToken({ uses: 1 })
        const asked = { claimToken: token, device: 'forgetful', nonce: 'sixteen letters or more' }
        const first = await provision(asked)
        const second = await provision(asked)
        expect([first.status, second.status]).toEqual([201, 201])
        const { body } = await world.ask<Device>('GET', '/v1/devices/forgetful')
        expect(body.credentials.map(({ id }) => id)).toEqual([second.body.credential.id])
        expect((await provision({ ...asked, nonce: 'another of that length' })).status).toBe(409)
        expect((await provision({ ...asked, claimToken: (await claimToken()).token })).status).toBe(409)
        aheadMs = 2 * 3_600_000
        expect((await provision(asked)).status).toBe(409)
      })

      test('is good no more once it is revoked, has ended, or is not whole', async () => {
        const { token, id } = await claimToken()
        expect((await provision({ claimToken: `${token.slice(0, -1)}!`, device: 'x1' })).status).toBe(403)
        expect((await provision({ claimToken: `${token.slice(0, -4)}AAAA`, device: 'x1' })).status).toBe(403)
        expect((await provision({ claimToken: newSecret('credential').secret, device: 'x1' })).status).toBe(
          403,
        )
        expect((await provision({ claimToken: token, device: 'x1', fleet: 'other' })).status).toBe(403)
        expect((await provision({ claimToken: token, device: 'x1' })).status).toBe(201)
        expect((await world.ask('DELETE', `/v1/claim-tokens/${id}`)).status).toBe(204)
        expect((await provision({ claimToken: token, device: 'x2' })).status).toBe(403)
        const short = await claimToken({ expiresInSeconds: 60 })
        aheadMs = 61_000
        expect((await provision({ claimToken: short.token, device: 'x3' })).status).toBe(403)
      })

      test('ends by the store’s clock, as a credential does, whatever the pod’s says', async () => {
        aheadMs = 3_600_000
        const { token } = await claimToken({ expiresInSeconds: 60 })
        expect((await provision({ claimToken: token, device: 'x4' })).status).toBe(201)
        const url = '/v1/devices/x4/credentials'
        const { body } = await world.ask<Changed>('POST', url, { expiresInSeconds: 60 })
        const ends = Date.parse(body.device.credentials[1]?.expiresAt ?? '')
        expect(Math.round((ends - Date.now()) / 60_000)).toBe(61)
      })
    })

    describe('an import', () => {
      type Result = { id: string; status: string; credential?: Shown; problem?: string }
      const send = async (lines: unknown[]) =>
        (await world.ask<{ results: Result[] }>('POST', '/v1/devices/import', lines)).body.results

      test('makes what is new, brings what is there up to date, and does nothing the second time', async () => {
        const { secret, id } = newSecret('credential')
        const lines = [
          { id: 'i-1', type: 'lamp', attributes: { a: '1' }, groups: ['imported'], secret },
          { id: 'i-2', credential: true },
          { id: 'i-3' },
        ]
        const first = await send(lines)
        expect(first.map(({ status }) => status)).toEqual(['created', 'created', 'created'])
        expect(first.map(({ credential }) => credential?.secret.slice(0, 4))).toEqual([
          undefined,
          'slk_',
          undefined,
        ])
        expect((await send(lines)).map(({ status }) => status)).toEqual([
          'unchanged',
          'unchanged',
          'unchanged',
        ])
        const { body } = await world.ask<Device>('GET', '/v1/devices/i-1')
        expect(body.credentials.map((one) => one.id)).toEqual([id])
        const changed = await send([
          { id: 'i-1', attributes: { b: '2' } },
          { id: 'i-3', type: 'plug' },
        ])
        expect(changed.map(({ status }) => status)).toEqual(['updated', 'updated'])
        expect((await world.ask<Device>('GET', '/v1/devices/i-1')).body).toMatchObject({
          type: 'lamp',
          attributes: { b: '2' },
          groups: ['imported'],
        })
        expect(await world.list('group=imported')).toEqual(['i-1'])
        expect(await world.list('attribute=a:1&prefix=i-')).toEqual([])
      })

      test('with a line that is wrong does nothing, and names it', async () => {
        const { status, body } = await world.ask('POST', '/v1/devices/import', [
          { id: 'fine' },
          { id: 'a/b' },
        ])
        expect([status, body.field]).toEqual([400, '1.id'])
        expect((await world.ask('GET', '/v1/devices/fine')).status).toBe(404)
      })

      test('of many thousands is paged through, each device once', { timeout: 300_000 }, async () => {
        for (let from = 0; from < many; from += 1_000) {
          const lines = Array.from({ length: 1_000 }, (_, i) => ({
            id: `many-${from + i}`,
            groups: ['many'],
            attributes: { batch: String(from) },
          }))
          expect((await send(lines)).every(({ status }) => status === 'created')).toBe(true)
        }
        const found = await world.list('group=many', 1000)
        expect([found.length, new Set(found).size]).toEqual([many, many])
        expect(await world.list('attribute=batch:1000', 500)).toHaveLength(1_000)
        expect(await world.list('prefix=many-199', 500)).toHaveLength(11)
      })
    })
  })
}
