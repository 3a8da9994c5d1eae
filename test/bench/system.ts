// What can be measured: a running messaging system, and the ways that a message can take through it.
import type { Children } from '../load/children.ts'

export const SYSTEMS = ['starling', 'mosquitto', 'aedes'] as const
export type SystemName = (typeof SYSTEMS)[number]

export type Route = {
  readonly name: string
  /** Short and different for each route: part of the client ids, so that no route meets another's sessions. */
  readonly key: string
  publisherUrl(clientId: string): string
  subscriberUrl(clientId: string): string
}

export type System = {
  readonly routes: readonly Route[]
  readonly serverPids: readonly number[]
  /** Empty where a client needs no password. */
  passwords(clientIds: readonly string[]): Promise<Readonly<Record<string, string>>>
}

export type Absent = { readonly absent: string }

export type StartContext = {
  readonly children: Children
  /** An empty folder, removed after the run. */
  readonly scratch: string
  readonly reports: string
  readonly window: number
}

/** The one route of a broker that is a single server. */
export function brokerRoute(name: string, url: string): Route {
  return { name, key: name, publisherUrl: () => url, subscriberUrl: () => url }
}
