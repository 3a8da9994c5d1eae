// One call between edge and core over HTTP, in the highest version that both sides serve. Every call of the contract may be
// repeated, since an idle connection may break at the moment of its next use.
import { decodeBody, encodeBody } from './body.ts'
import type { PeerVersion } from './peer-version.ts'
import {
  RELAY_VERSIONS,
  RELAY_VERSIONS_HEADER,
  RELAY_VERSIONS_TEXT,
  type RelayVersion,
  relayPath,
} from './version.ts'

const RETRY_MS: readonly number[] = [20, 200]

export interface RelayCall {
  /** Scheme, host and port, without a slash at the end. */
  readonly base: string
  /** The version to use with this address. */
  readonly version: PeerVersion
  /** The path after the version: `envelopes`, or `eu/envelopes`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON values and bytes. */
  readonly body: unknown
  readonly signal: AbortSignal
}

/**
 * @returns the response, with any status. Rejects if three tries bring no response, or if the sides have no version in common
 */
export async function postRelay(call: RelayCall): Promise<Response> {
  const { version: known } = call
  let version = known.current
  // Each refusal rules out one version. The bound also ends the loop for a peer whose range changes with each answer.
  for (let tries = 0; tries <= RELAY_VERSIONS.length; tries++) {
    const response = await postIn(version, call)
    const versions = response.headers.get(RELAY_VERSIONS_HEADER)
    if (response.status !== 404) {
      known.answered(version, versions)
      return response
    }
    const refusal = known.missing(version, versions)
    if (refusal.use === 'same' || refusal.use === version) return response
    await response.body?.cancel()
    if (refusal.use === 'none') {
      const { min, max } = refusal.theirs
      throw new Error(
        `no common relay version: this side serves ${RELAY_VERSIONS_TEXT}, the other ${min}-${max}`,
      )
    }
    version = refusal.use
  }
  throw new Error('the peer refuses each relay version in turn')
}

/** The unchecked body of an answer; null if there is none. @param views see `decodeBody` */
export async function relayAnswer(response: Response, views: boolean): Promise<unknown> {
  if (response.status === 204) return null
  const content = new Uint8Array(await response.arrayBuffer())
  return decodeBody(response.headers.get('content-type'), content, { views })
}

async function postIn(
  version: RelayVersion,
  { base, path, headers, body, signal }: RelayCall,
): Promise<Response> {
  const { type, content } = encodeBody(version, body)
  const url = `${base}${relayPath(version)}/${path}`
  const request = { method: 'POST', headers: { 'content-type': type, ...headers }, body: content, signal }
  for (const pause of RETRY_MS) {
    try {
      return await fetch(url, request)
    } catch (cause) {
      if (signal.aborted) throw cause
      await new Promise((done) => {
        setTimeout(done, pause)
      })
    }
  }
  return fetch(url, request)
}
