// Which region a request belongs to, and where on Earth that region's actors shall live.
import { parseRegionId, type RegionId } from '../../../src/id/ids.ts'
import type { Env } from './env.ts'

/** Region names that say where they are; a deployment with other names sets REGION for each. */
const PLACES: Record<
  string,
  { readonly hint: DurableObjectLocationHint; readonly continents: readonly string[] }
> = {
  eu: { hint: 'weur', continents: ['EU', 'AF'] },
  us: { hint: 'enam', continents: ['NA'] },
  ap: { hint: 'apac', continents: ['AS'] },
  oc: { hint: 'oc', continents: ['OC'] },
  sa: { hint: 'sam', continents: ['SA'] },
  af: { hint: 'afr', continents: ['AF'] },
  me: { hint: 'me', continents: [] },
}

/** The regions that this deployment serves, the first being the one for requests from elsewhere. */
export function servedRegions(env: Env): RegionId[] {
  return (env.REGION ?? env.REGIONS).split(',').map((text) => {
    const region = parseRegionId(text.trim())
    if (region === null) throw new Error(`not a region: '${text}' in REGION or REGIONS`)
    return region
  })
}

/** By REGION where it is set, else by the continent that the request came in on. */
export function regionOf(request: { readonly cf?: unknown }, env: Env): RegionId {
  const regions = servedRegions(env)
  const continent = (request.cf as { continent?: string } | undefined)?.continent ?? ''
  const near = regions.find((region) => PLACES[region]?.continents.includes(continent) === true)
  const region = near ?? regions[0]
  if (region === undefined) throw new Error('REGIONS is empty')
  return region
}

/** Only the first hint that an actor is made with counts. */
export function locationHint(region: RegionId): { locationHint?: DurableObjectLocationHint } {
  const hint = PLACES[region]?.hint
  return hint === undefined ? {} : { locationHint: hint }
}
