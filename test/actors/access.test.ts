// Whom a device's actor lets in: by what it keeps of the registry, asking the core seldom, whatever is tried.
import { expect, test, vi } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { DeviceAccess } from '../../actors/device/admission/access.ts'
import { hashSecret, newSecret } from '../../src/id/secret.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import type { Access, AccessResponse } from '../../src/relay/access.ts'
import { fakeCore, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, LAMP } from './samples.ts'

async function secretWith(notAfter: number | null = null) {
  const made = newSecret('credential')
  return { ...made, kept: { id: made.id, notAfter, ...(await hashSecret(made.secret)) } }
}

function accessWith(version: number, ...credentials: Access['credentials']): Access {
  return { version, enabled: true, credentials, revoked: [] }
}

/** A device's actor, and what it asks the core. */
function actor(answer: () => Promise<AccessResponse>) {
  const asked = vi.fn(answer)
  const core = fakeCore(EU, { access: asked })
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core })
  return { asked, platform, access: new DeviceAccess(platform, LAMP) }
}

test('a secret is asked for once, and known from then on, also after lost memory', async () => {
  const one = await secretWith()
  const { asked, platform, access } = actor(async () => ({ clock: 0, access: accessWith(5, one.kept) }))
  expect(await access.admit(one.secret)).toEqual({ credential: one.id })
  expect(await access.admit(one.secret)).toEqual({ credential: one.id })
  const awake = new DeviceAccess(platform.loseMemory(), LAMP)
  expect(await awake.admit(one.secret)).toEqual({ credential: one.id })
  expect(asked).toHaveBeenCalledTimes(1)
})

test('a wrong secret under an id that is known costs no call, however often', async () => {
  const [one, other] = [await secretWith(), await secretWith()]
  const { asked, access } = actor(async () => ({ clock: 0, access: accessWith(5, one.kept) }))
  await access.admit(one.secret)
  const forged = one.secret.slice(0, 21) + other.secret.slice(21)
  for (let i = 0; i < 10; i++) expect(await access.admit(forged)).toBe(Reason.BadUserNameOrPassword)
  expect(asked).toHaveBeenCalledTimes(1)
})

test('secrets that nobody knows cost a call now and then, and the device itself is let in all the while', async () => {
  const one = await secretWith()
  const { asked, platform, access } = actor(async () => ({ clock: 0, access: accessWith(5, one.kept) }))
  const reasons = new Set<unknown>()
  for (let i = 0; i < 600; i++) {
    reasons.add(await access.admit(newSecret('credential').secret))
    if (i % 100 === 0) expect(await access.admit(one.secret)).toEqual({ credential: one.id })
    await platform.clock.pass(100)
  }
  expect([...reasons].sort()).toEqual([Reason.BadUserNameOrPassword, Reason.ConnectionRateExceeded])
  // A minute: after one second, and after ever longer ones; each time that the device itself comes, anew.
  expect(asked.mock.calls.length).toBeLessThan(30)
})

test('many that come at once ask once', async () => {
  const one = await secretWith()
  const answer = held<AccessResponse>()
  const { asked, access } = actor(() => answer.answer)
  const all = Promise.all(Array.from({ length: 20 }, () => access.admit(one.secret)))
  answer.give({ clock: 0, access: accessWith(5, one.kept) })
  expect(new Set((await all).map((one) => JSON.stringify(one)))).toEqual(
    new Set([JSON.stringify({ credential: one.id })]),
  )
  expect(asked).toHaveBeenCalledTimes(1)
})

test('while the core is out of reach what is known is let in, and what is not is to come again', async () => {
  const [one, other] = [await secretWith(), await secretWith()]
  let reached = true
  const { asked, platform, access } = actor(async () => {
    if (!reached) throw new CoreUnreachable('away')
    return { clock: 0, access: accessWith(reached ? 5 : 6, one.kept) }
  })
  await access.admit(one.secret)
  reached = false
  expect(await access.admit(one.secret)).toEqual({ credential: one.id })
  for (let i = 0; i < 5; i++) expect(await access.admit(other.secret)).toBe(Reason.ServerUnavailable)
  expect(asked).toHaveBeenCalledTimes(2)
  await platform.clock.pass(3_000)
  expect(await access.admit(other.secret)).toBe(Reason.ServerUnavailable)
  expect(asked).toHaveBeenCalledTimes(3)
})

test('an answer that was asked for before a revocation and comes after it lets nobody in', async () => {
  const one = await secretWith()
  const answer = held<AccessResponse>()
  const { access } = actor(() => answer.answer)
  const admitted = access.admit(one.secret)
  await Promise.resolve()
  access.changed({ version: 6, enabled: true, credentials: [], revoked: [one.id] }, 0)
  answer.give({ clock: 0, access: accessWith(5, one.kept) })
  expect(await admitted).toBe(Reason.BadUserNameOrPassword)
  expect(access.admits(one.id)).toBe(false)
})

test('a change that arrives after a newer one, or twice, changes nothing', async () => {
  const one = await secretWith()
  const { platform, access } = actor(async () => ({ clock: 0, access: accessWith(5, one.kept) }))
  await access.admit(one.secret)
  access.changed({ version: 7, enabled: false, credentials: [one.kept], revoked: [] }, 0)
  const { execs } = platform
  access.changed(accessWith(6, one.kept), 0)
  access.changed({ version: 7, enabled: false, credentials: [one.kept], revoked: [] }, 0)
  expect(platform.execs).toBe(execs)
  expect(await access.admit(one.secret)).toBe(Reason.NotAuthorized)
  access.changed(accessWith(8, one.kept), 0)
  expect(await access.admit(one.secret)).toEqual({ credential: one.id })
})

test('a disabled device is barred where it was never seen; of one that is not, nothing is kept', async () => {
  const { platform, access } = actor(async () => ({ clock: 0, access: null }))
  const { execs } = platform
  access.changed(accessWith(5), 0)
  expect(platform.execs).toBe(execs)
  expect(access.admits(null)).toBe(true)
  access.changed({ ...accessWith(6), enabled: false }, 0)
  expect(access.admits(null)).toBe(false)
  const awake = new DeviceAccess(platform.loseMemory(), LAMP)
  expect(awake.disabled).toBe(true)
})

test('a credential ends by this region’s clock, whatever the core’s says', async () => {
  const coreClock = 5_000_000_000_000
  const one = await secretWith(coreClock + 10_000)
  const { platform, access } = actor(async () => ({ clock: coreClock, access: accessWith(5, one.kept) }))
  expect(await access.admit(one.secret)).toEqual({ credential: one.id })
  await platform.clock.pass(9_000)
  expect(access.admits(one.id)).toBe(true)
  await platform.clock.pass(2_000)
  expect(access.admits(one.id)).toBe(false)
  expect(await access.admit(one.secret)).toBe(Reason.NotAuthorized)
})
