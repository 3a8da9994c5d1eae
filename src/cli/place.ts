// The system that a command talks to, and the command's token: a local run by its folder, or production by URLs and a token.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { type ClientClaims, signClientToken, tokenSays } from '../id/client-token.ts'
import { type ClientId, type FleetId, parseRegionId, type RegionId } from '../id/ids.ts'
import { Exit, Failure } from './exit.ts'
import { type Everywhere, everywhere } from './global-options.ts'
import { type Local, localSchema, readSecrets } from './local.ts'

/** The same as the edge's; in the environment, since arguments are seen by everybody on the machine. */
const SECRET_VARIABLE = 'CLIENT_TOKEN_SECRET'
const ADMIN = 'admin' as ClientId
const SHORT_TOKEN_SECONDS = 24 * 3600

export interface Place {
  readonly kind: 'local' | 'remote'
  readonly fleet: FleetId
  /** HTTP, without a slash at the end. */
  readonly edges: readonly Edge[]
  /** The edge to ask; null if only the core was named. */
  readonly edge: Edge | null
  readonly core: string | null
  /** The user's token. */
  readonly token: string | null
  /** Signs tokens; null if it is not known here. */
  readonly secret: string | null
}

export interface Edge {
  /** Null if the edge decides. */
  readonly region: RegionId | null
  readonly http: string
  /** `ws…/mqtt`; append `/<clientId>`. */
  readonly mqtt: string
}

export async function placeOf(command: Command): Promise<Place> {
  const asked = everywhere(command)
  return isRemote(asked) ? remotePlace(asked) : localPlace(asked)
}

/** The secret that signs tokens: of the local run, or in the environment. */
export async function secretOf(command: Command): Promise<string> {
  const asked = everywhere(command)
  const given = process.env[SECRET_VARIABLE]
  if (given !== undefined && given !== '' && !asked.dirGiven) return given
  if (isRemote(asked))
    throw new Failure(Exit.Usage, `tokens are signed with the edge's secret: set ${SECRET_VARIABLE}`)
  return (await localSecrets(asked.dir)).clientTokenSecret
}

/** An administrator's token: the user's, or one that is signed here. */
export async function adminToken(place: Place): Promise<string> {
  if (place.token !== null) return place.token
  return sign(place, { client: ADMIN, fleet: place.fleet, admin: true })
}

export interface As {
  readonly client: ClientId
  readonly token: string
}

/**
 * The client that a command acts as, with its token: the client of the user's token, else one whose token is signed here.
 * @param wanted by the user
 * @param otherwise the client id if neither the user nor the token names one
 */
export async function clientOf(place: Place, wanted: ClientId | undefined, otherwise: string): Promise<As> {
  if (place.token === null) {
    const client = wanted ?? (otherwise as ClientId)
    return { client, token: await sign(place, { client, fleet: place.fleet, admin: false }) }
  }
  const said = tokenSays(place.token)
  if (said === null) throw new Failure(Exit.NotAuthorized, 'the token is no token: it names no client')
  if (wanted !== undefined && said.client !== wanted)
    throw new Failure(Exit.NotAuthorized, `the token is of the client ${said.client}, not of ${wanted}`)
  return { client: said.client, token: place.token }
}

/** The edge to ask. @throws Failure if there is none */
export function edgeOf(place: Place): Edge {
  if (place.edge === null) throw new Failure(Exit.Usage, 'say where the edge is: --edge or STARLING_EDGE')
  return place.edge
}

export function coreOf(place: Place): string {
  if (place.core === null) throw new Failure(Exit.Usage, 'say where the core is: --core or STARLING_CORE')
  return place.core
}

function sign(place: Place, claims: ClientClaims): Promise<string> {
  if (place.secret === null) throw new Failure(Exit.Usage, 'a token is needed: --token or STARLING_TOKEN')
  return signClientToken(claims, place.secret, SHORT_TOKEN_SECONDS)
}

function isRemote({ edge, core, dirGiven }: Everywhere): boolean {
  return !dirGiven && (edge !== undefined || core !== undefined)
}

function remotePlace({ edge, core, token, region, fleet }: Everywhere): Place {
  const edges = edge === undefined ? [] : parseEdges(edge)
  const chosen = region === undefined ? edges[0] : edges.find((one) => one.region === region)
  if (region !== undefined && chosen === undefined)
    throw new Failure(
      Exit.Usage,
      `no edge of the region ${region} was named: --edge ${region}=<url>. An edge at one URL chooses by where you are`,
    )
  const secret = process.env[SECRET_VARIABLE]
  return {
    kind: 'remote',
    fleet,
    edges,
    edge: chosen ?? null,
    core: core === undefined ? null : parseUrl(core),
    token: token ?? null,
    secret: secret === undefined || secret === '' ? null : secret,
  }
}

async function localPlace({ dir, token, region, fleet }: Everywhere): Promise<Place> {
  const { regions, core } = await readLocal(dir)
  const edges = Object.entries(regions).map(
    ([name, { http, mqtt }]): Edge => ({ region: parseRegionId(name), http, mqtt }),
  )
  const edge = region === undefined ? edges[0] : edges.find((one) => one.region === region)
  if (edge === undefined)
    throw new Failure(
      Exit.Usage,
      `no region ${region ?? ''} runs in ${dir}, but ${Object.keys(regions).join(', ')}`,
    )
  return {
    kind: 'local',
    fleet,
    edges,
    edge,
    core: core.http,
    token: token ?? null,
    secret: (await localSecrets(dir)).clientTokenSecret,
  }
}

export async function readLocal(dir: string): Promise<Local> {
  try {
    return localSchema.parse(JSON.parse(await readFile(path.join(dir, 'local.json'), 'utf8')))
  } catch (cause) {
    throw new Failure(
      Exit.Unreachable,
      `nothing runs in ${dir}: begin with 'npm start', or say where the system is with --edge`,
      { cause },
    )
  }
}

async function localSecrets(dir: string) {
  try {
    return await readSecrets(dir)
  } catch (cause) {
    throw new Failure(Exit.Unreachable, cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** `https://…`, or `eu=https://…,us=https://…`. */
export function parseEdges(text: string): Edge[] {
  return text.split(',').map((one) => {
    const [, name, url = ''] = /^\s*(?:([a-z][a-z0-9-]*)=)?(.*?)\s*$/.exec(one) ?? []
    const region = name === undefined ? null : parseRegionId(name)
    const http = parseUrl(url).replace(/\/mqtt$/, '')
    return { region, http, mqtt: `${http.replace(/^http/, 'ws')}/mqtt` }
  })
}

/** As HTTP, without a slash at the end. Accepts `wss://` too, since MQTT clients use such URLs. */
function parseUrl(text: string): string {
  const url = text.replace(/^ws/, 'http').replace(/\/+$/, '')
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new Failure(Exit.Usage, `not a URL: '${text}'; such as https://starling.example.com`)
  return url
}
