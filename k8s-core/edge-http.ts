// Calls to the edges over HTTP: signed, with a bounded wait, in the highest relay version that the edge serves too.
import type { RegionId } from '../src/id/ids.ts'
import { PeerVersion } from '../src/relay/peer-version.ts'
import { postRelay, relayAnswer } from '../src/relay/post.ts'
import { edgeParty, RelaySigner } from '../src/relay/token.ts'
import { EdgeSilent, EdgeUnreachable } from './edge-errors.ts'
import type { EdgeTransport } from './edges.ts'

interface Edge {
  readonly url: string
  readonly version: PeerVersion
}

export class EdgeHttp implements EdgeTransport {
  private readonly edges: ReadonlyMap<RegionId, Edge>
  private readonly signer: RelaySigner

  /** @param urls of each region's edge, without a slash at the end */
  constructor(urls: ReadonlyMap<RegionId, string>, relaySecret: string) {
    this.edges = new Map([...urls].map(([region, url]) => [region, { url, version: new PeerVersion() }]))
    this.signer = new RelaySigner(relaySecret, 'core')
  }

  get regions(): RegionId[] {
    return [...this.edges.keys()]
  }

  async post(region: RegionId, name: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const edge = this.edges.get(region)
    if (edge === undefined) throw new EdgeUnreachable(region, `no edge is known for ${region}`)
    let response: Response
    try {
      response = await postRelay({
        base: edge.url,
        version: edge.version,
        path: `${region}/${name}`,
        headers: { authorization: await this.signer.authorization(edgeParty(region)) },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
    } catch (cause) {
      throw new EdgeSilent(region, `the edge of ${region} was not reached for ${name}: ${reasonOf(cause)}`, {
        cause,
      })
    }
    if (!response.ok) {
      const text = (await response.text()).slice(0, 300)
      throw new EdgeUnreachable(
        region,
        `the edge of ${region} answered ${name} with ${response.status}: ${text}`,
      )
    }
    // Views are safe: the core passes the bytes on before it drops the answer.
    return relayAnswer(response, true).catch((cause) => {
      throw new EdgeSilent(region, `the answer of the edge of ${region} to ${name} broke off`, { cause })
    })
  }
}

/** The cause of a failed fetch: the error itself only says "fetch failed". */
function reasonOf(cause: unknown): string {
  return String(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause)
}
