// A part of a state folder, as a test writes it with one release and looks for it with another, through the public interfaces.
import { type Answer, ask } from '../e2e/http.ts'
import type { System } from '../e2e/system.ts'

export const KEPT = { clean: false, properties: { sessionExpiryInterval: 86_400 } }
export const FIND_MS = 45_000

export interface Written {
  /** Writes, once no core answers any more, what the core's store does not get. */
  readonly cutOff?: () => Promise<void>
  /** @param stoppedAt when everything was stopped, by Date.now() */
  readonly find: (stoppedAt: number) => Promise<void>
}

/** By the name of the part; each resolves when its part is written. */
export type States = Readonly<Record<string, (system: System) => Promise<Written>>>

export async function service(
  system: System,
  where: string,
  path: string,
  request: Parameters<typeof ask>[4] = {},
): Promise<Answer> {
  return ask(system, where, await system.token('service'), path, request)
}

/** The last event of a client, asked by the client itself. */
export async function presence(system: System, region: string, client: string): Promise<Answer> {
  return ask(system, region, await system.token(client), `/v1/clients/${client}/presence`)
}
