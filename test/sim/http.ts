// Requests between edge and core: side by side, so that one may overtake another; lost, answered in vain, or served twice.
import type { RelayVersion } from '../../src/relay/version.ts'
import { throughHttp } from './copy.ts'
import type { Place, Task } from './scheduler.ts'
import type { Sender } from './sender.ts'

export interface HttpServer {
  readonly place: Place
  /** Of the contract, as both sides know by now. */
  readonly version: RelayVersion
  /** The network between the two is cut. */
  cut(): boolean
  /** To call one of the two once, or none if the process dies with nobody to tell. */
  serve(body: unknown, respond: (answer: unknown) => void, reset: (cause: Error) => void): void
}

/** The server answered, with an error. */
export class AnsweredError extends Error {}

/** Rejects where there is no answer in time, the connection was refused or reset, or the server answered with an error. */
export function request(
  sender: Sender,
  server: HttpServer,
  timeoutMs: number,
  given: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (sender.over) return
    const { world } = sender
    const { scheduler, faults, random } = world
    const name = {}
    let done = false
    let timer: Task | null = null
    const body = throughHttp(server.version, given)
    sender.pending.add(name)
    const finish = (give: () => void) => {
      if (done) return
      done = true
      if (timer !== null) timer.run = null
      sender.pending.delete(name)
      sender.enter(give)
    }
    timer = scheduler.after(timeoutMs, sender, () =>
      finish(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
    )
    const arrive = (answered: boolean) => {
      if (server.cut()) return
      server.serve(
        // Parsed there, so that no two who are given it share anything.
        body,
        (answer) => {
          let give: () => void
          try {
            const copied = throughHttp(server.version, answer)
            give = () => resolve(copied)
          } catch (cause) {
            give = () => reject(cause)
          }
          scheduler.after(world.coreDelay(), sender, () => {
            if (answered && !server.cut()) finish(give)
          })
        },
        (cause) => {
          scheduler.after(world.coreDelay(), sender, () => {
            if (answered && !server.cut()) finish(() => reject(cause))
          })
        },
      )
    }
    sender.send(() => {
      if (server.cut()) {
        if (random.chance(0.5))
          scheduler.after(world.coreDelay(), sender, () =>
            finish(() => reject(new Error('connection refused'))),
          )
        return
      }
      const fate = faults.request()
      if (fate === 'lost') return
      scheduler.after(world.coreDelay(), server.place, () => arrive(fate !== 'answer lost'))
      if (fate === 'twice')
        scheduler.after(world.coreDelay() + faults.repeatDelay(), server.place, () => arrive(false))
    })
  })
}
