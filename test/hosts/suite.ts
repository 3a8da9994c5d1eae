// The conformance suite of hosts: what the actors rely on (actors/platform.ts), tried through a probe. Real hosts, the tests' fake
// and the simulator join it, so that they cannot come to differ.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ability, HostUnderTest, ProbeSocket, RunningHost } from './host.ts'

const OPEN_MS = 90_000
const TEST_MS = 60_000
const STEP_MS = 20
const MIB = 1024 * 1024
const KILLS = 3
const FRAMES = 400

export function describeHost(under: HostUnderTest): void {
  const has = (ability: Ability) => !under.lacks.includes(ability)

  describe(`a host of actors: ${under.name}`, { timeout: TEST_MS }, () => {
    let host: RunningHost
    beforeAll(async () => {
      host = await under.open()
    }, OPEN_MS)
    afterAll(() => host?.close())

    const ask = (actor: string, method: string, ...parameters: unknown[]) =>
      host.ask(actor, method, ...parameters)

    /** Lets time pass until it is so. */
    async function until(condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
      for (let passed = 0; !(await condition()); passed += STEP_MS) {
        if (passed > ms) throw new Error(`not so within ${ms} ms: ${condition}`)
        await host.pass(STEP_MS)
      }
    }

    /** The answer to one frame. */
    async function say(socket: ProbeSocket, text: string): Promise<string> {
      const before = socket.frames.length
      socket.send(text)
      await until(() => socket.frames.length > before)
      return socket.frames[before] as string
    }

    describe('storage', () => {
      it('gives each type back as it was written: of a view of bytes the view, as a buffer of its own', async () => {
        expect(await ask('cells', 'cells')).toEqual({
          text: 'ä',
          whole: 2 ** 53 - 1,
          real: 0.5,
          none: null,
          bytes: { buffer: [2, 3, 4] },
        })
      })

      it('has all of a transaction or nothing, also of one inside another, and throws what was thrown', async () => {
        expect(await ask('transactions', 'transactions')).toEqual({
          answer: 'returned',
          thrown: 'taken back',
          written: [1, 2, 4, 6],
        })
      })

      it('is each actor’s own', async () => {
        await ask('own-a', 'write', 1)
        await ask('own-b', 'write', 2)
        expect(await ask('own-a', 'written')).toEqual([1])
        expect(await ask('own-b', 'written')).toEqual([2])
      })

      it('has what was written when the process is killed, and memory has not', async () => {
        await ask('killed', 'write', 1)
        const life = await ask('killed', 'life')
        await host.kill()
        expect(await ask('killed', 'written')).toEqual([1])
        expect(await ask('killed', 'life')).not.toBe(life)
      })

      it('refuses a row, a statement and bindings past the platform’s bounds, and the actor goes on', async () => {
        const life = await ask('bounded', 'life')
        expect(await ask('bounded', 'storeBytes', 1_990_000)).toBe('done')
        expect(await ask('bounded', 'storeBytes', 2_300_000)).toContain('too big')
        expect(await ask('bounded', 'selectList', 4_000)).toBe('done')
        expect(await ask('bounded', 'selectList', 9_000)).toContain('out of memory')
        expect(await ask('bounded', 'bindMany', 100)).toBe('done')
        expect(await ask('bounded', 'bindMany', 101)).toContain('too many')
        expect(await ask('bounded', 'life')).toBe(life)
      })

      it.skipIf(!has('output gate'))(
        'has what an event wrote before a client or another actor sees anything of that event, whenever the process is killed',
        async () => {
          let seen = 0
          for (let round = 1; round <= KILLS; round++) {
            const sockets = [await host.connect('gate'), await host.connect('relaying')] as const
            const from = (round - 1) * FRAMES
            const dead = host.killSoon('gate')
            for (let n = from + 1; n <= from + FRAMES; n++) {
              sockets[0].send(`write ${n}`)
              sockets[1].send(`relay ${n}`)
              if (n % 20 === 0) await host.pass(1)
            }
            await dead
            const got = Number(sockets[0].frames.at(-1) ?? 0)
            seen = Math.max(seen, got)
            const last = async (actor: string, table = 'written') =>
              Number(((await ask(actor, 'written', table)) as number[]).at(-1) ?? 0)
            expect(await last('gate')).toBeGreaterThanOrEqual(got)
            expect(await last('gate', 'echoed')).toBeGreaterThanOrEqual(got)
            expect(await last('relaying')).toBeGreaterThanOrEqual(await last('relayed'))
          }
          expect(seen).toBeGreaterThan(0)
        },
      )

      it.skipIf(!has('calls fail with their actor'))(
        'that is full ends the actor: all that is under way fails, and the next life has what was stored',
        async () => {
          await ask('full', 'write', 1)
          const life = await ask('full', 'life')
          const waiting = ask('caller', 'call', 'full', 'hang').then(
            () => 'answered',
            (cause) => String(cause),
          )
          await host.pass(100)
          await host.fill(true)
          await expect(ask('caller', 'call', 'full', 'write', 2)).rejects.toThrow()
          await host.fill(false)
          expect(await waiting).not.toMatch(/^answered|no answer/)
          await until(async () => (await ask('full', 'life').catch(() => life)) !== life)
          expect(await ask('full', 'written')).toEqual([1])
        },
      )
    })

    describe('the alarm', () => {
      const went = async (actor: string) =>
        (await ask(actor, 'went')) as { readonly at: number; readonly life: string }[]

      it('goes off once, at the earliest of the times that were asked for and not before', async () => {
        const asked = (await ask('earliest', 'wakeIn', 3_000, 300, 2_000)) as number
        await host.pass(3_500)
        const times = await went('earliest')
        expect(times).toHaveLength(1)
        expect(times[0]?.at).toBeGreaterThanOrEqual(asked + 299)
        expect(times[0]?.at).toBeLessThan(asked + 1_900)
      })

      it('can be set while it goes off', async () => {
        await ask('again', 'plan', 'again')
        await ask('again', 'wakeIn', 100)
        await until(async () => (await went('again')).length === 2)
        await host.pass(500)
        expect(await went('again')).toHaveLength(2)
      })

      it('goes off although the process was killed', async () => {
        await ask('surviving', 'wakeIn', 700)
        const life = await ask('surviving', 'life')
        await host.kill()
        await until(async () => (await went('surviving')).length === 1)
        expect((await went('surviving'))[0]?.life).not.toBe(life)
      })

      it.skipIf(!has('alarm again'))('that fails goes off again', async () => {
        await ask('failing', 'plan', 'fail')
        await ask('failing', 'wakeIn', 100)
        await until(async () => (await went('failing')).length === 2)
      })

      it.skipIf(!has('alarm again'))('whose process was killed meanwhile goes off again', async () => {
        await ask('hanging', 'plan', 'hang')
        await ask('hanging', 'wakeIn', 100)
        await until(async () => (await went('hanging')).length === 1)
        await host.kill()
        await until(async () => (await went('hanging')).length === 2)
      })
    })

    describe('a connection', () => {
      it('carries frames both ways, in order', async () => {
        const socket = await host.connect('frames')
        const sent = Array.from({ length: 100 }, (_, i) => String(i))
        for (const text of sent) socket.send(`echo ${text}`)
        await until(() => socket.frames.length === sent.length)
        expect(socket.frames).toEqual(sent)
        socket.close()
      })

      it('has no attachment at first, then a copy of what was attached, and refuses more than 16 KiB', async () => {
        const socket = await host.connect('attached')
        expect(JSON.parse(await say(socket, 'attach'))).toEqual({
          before: null,
          found: { text: 'ä', bytes: [1, 2], list: [{ at: 1 }], none: null },
          past: 'refused',
          standing: 15 * 1024,
        })
        socket.close()
      })

      it('is one of several of an actor, each the same object and with its own attachment, until it ends', async () => {
        const sockets = [await host.connect('several'), await host.connect('several')] as const
        expect(await say(sockets[0], 'name a')).toBe('named')
        expect(await say(sockets[1], 'name b')).toBe('named')
        const names = async () => ((await ask('several', 'connections')) as unknown[]).map(String).sort()
        expect(await names()).toEqual(['a', 'b'])
        expect(await ask('several', 'sameConnections')).toBe(true)
        sockets[0].close()
        await until(async () => (await names()).length === 1)
        expect(await names()).toEqual(['b'])
        expect(await ask('several', 'ended')).toEqual(['a'])
        sockets[1].close()
      })

      it('that the actor closes ends at the client, with code and reason, and takes no more', async () => {
        const socket = await host.connect('closing')
        socket.send('close 4001')
        await until(() => socket.closed !== null)
        if (has('close codes')) expect(socket.closed).toEqual({ code: 4001, reason: 'as was asked' })
        expect(socket.frames).toEqual([])
        expect(await ask('closing', 'connections')).toEqual([])
      })

      it('ends when the process is killed', async () => {
        const socket = await host.connect('cut')
        await say(socket, 'name x')
        await host.kill()
        await until(() => socket.closed !== null)
        expect(await ask('cut', 'connections')).toEqual([])
      })
    })

    describe('calls between actors', () => {
      it('arrive in the order in which they were made, and each is answered', async () => {
        expect(await ask('sender', 'burst', 'receiver', 100, false)).toEqual(Array(100).fill('done'))
        expect(await ask('receiver', 'noted')).toEqual(Array.from({ length: 100 }, (_, i) => i))
      })

      it('fail one by one, with what was thrown, and later ones arrive', async () => {
        const outcomes = (await ask('sender', 'burst', 'refusing', 5, true)) as string[]
        expect(outcomes[2]).toContain('the probe refuses')
        expect(outcomes.filter((_, i) => i !== 2)).toEqual(Array(4).fill('done'))
        expect(await ask('sender', 'call', 'refusing', 'noted')).toEqual([0, 1, 3, 4])
      })

      it('share nothing: what either side changes afterwards the other does not see', async () => {
        const given = { list: ['given'], bytes: [1, 2, 3] }
        expect(await ask('giver', 'exchange', 'taker')).toEqual({
          kept: given,
          answer: { ...given, list: ['given', 'spoilt by the sender again'] },
        })
      })

      it('are served while another one waits, also one of the actor that is called', async () => {
        let answered = false
        const waiting = ask('first', 'call', 'second', 'call', 'first', 'wait').then(() => {
          answered = true
        })
        // The call may still be on its way when the first `go` is asked.
        await until(async () => {
          await ask('first', 'go')
          return answered
        })
        await waiting
      })

      it('fail if their arguments or their result take more than 32 MiB, and later calls arrive', async () => {
        expect(await ask('large', 'sendBytes', 'taking', 31 * MIB)).toBe(31 * MIB)
        await expect(ask('large', 'sendBytes', 'taking', 32 * MIB)).rejects.toThrow('limited to 32MiB')
        expect(await ask('large', 'receiveBytes', 'giving', 31 * MIB)).toBe(31 * MIB)
        await expect(ask('large', 'receiveBytes', 'giving', 32 * MIB)).rejects.toThrow('limited to 32MiB')
        expect(await ask('large', 'sendBytes', 'taking', 1)).toBe(1)
      })

      it.skipIf(!has('subrequests'))(
        'fail past 10,000 of one event, and the next event may call again',
        async () => {
          const outcomes = (await ask('busy-caller', 'callOften', 'called', 10_001)) as number
          expect(outcomes).toBe(10_000)
          expect(await ask('busy-caller', 'callOften', 'called', 1)).toBe(1)
        },
      )

      it('reach an actor by its name in this region and fleet', async () => {
        const address = { kind: 'device', region: 'eu', fleet: 'default', id: 'named', same: true }
        expect(await ask('namer', 'call', 'named', 'address')).toEqual(address)
      })
    })

    describe('timers', () => {
      it('run once each, in the order of their times, unless cancelled', async () => {
        const { order, ms } = (await ask('timing', 'timers')) as { order: string[]; ms: number }
        expect(order).toEqual(['first', 'second'])
        expect(ms).toBeGreaterThanOrEqual(99)
      })

      it('end with the process', async () => {
        await ask('timed-out', 'writeIn', 300, 1)
        await host.kill()
        await host.pass(600)
        expect(await ask('timed-out', 'written')).toEqual([])
      })
    })

    describe('names, chance and time', () => {
      it('are unique over lives and actors, from 0 to 1, and pass', async () => {
        const ids = [await ask('ids', 'ids'), await ask('ids-too', 'ids')].flat()
        const before = (await ask('ids', 'now')) as number
        await host.kill()
        await host.pass(50)
        ids.push(...((await ask('ids', 'ids')) as string[]))
        expect(new Set(ids).size).toBe(9)
        for (const one of (await ask('ids', 'randoms')) as number[]) {
          expect(one).toBeGreaterThanOrEqual(0)
          expect(one).toBeLessThan(1)
        }
        expect((await ask('ids', 'now')) as number).toBeGreaterThanOrEqual(before + 50)
      })
    })

    describe('a report', () => {
      it('says what failed and why, and the actor goes on', async () => {
        const life = await ask('reporting', 'life')
        await ask('reporting', 'report', 'something failed', 'of this cause')
        await until(() =>
          host.reports().some((text) => text.includes('something failed') && text.includes('of this cause')),
        )
        expect(await ask('reporting', 'life')).toBe(life)
      })
    })

    describe('without events', () => {
      it('memory is lost, connections and attachments stay, and the next frame and the alarm find the actor', async () => {
        const socket = await host.connect('sleeping')
        expect(await say(socket, 'name lamp')).toBe('named')
        const life = await ask('sleeping', 'life')
        const running = await ask('busy', 'life')
        if (has('idle actors leave memory')) await ask('busy', 'writeIn', 12_500, 1)
        const dreaming = await ask('dreaming', 'life')
        await ask('dreaming', 'wakeIn', 12_500)
        await host.hibernate()
        expect(socket.closed).toBeNull()
        expect(await say(socket, 'who')).toBe('lamp')
        expect(await ask('sleeping', 'life')).not.toBe(life)
        expect(await ask('sleeping', 'connections')).toEqual(['lamp'])
        await until(async () => ((await ask('dreaming', 'went')) as unknown[]).length === 1)
        const [alarm] = (await ask('dreaming', 'went')) as { life: string }[]
        expect(alarm?.life).not.toBe(dreaming)
        if (has('idle actors leave memory')) {
          // A timer that is running holds its actor in memory.
          await until(async () => ((await ask('busy', 'written')) as unknown[]).length === 1)
          expect(await ask('busy', 'life')).toBe(running)
        }
        socket.close()
      })
    })
  })
}
