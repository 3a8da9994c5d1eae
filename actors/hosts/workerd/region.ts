// Which region a request belongs to, and where on Earth that region's actors are made.
import type { RegionId } from '../../../src/id/ids.ts'
import {
  PLACES,
  type PlacedRegion,
  type PlaceName,
  parsePlacedRegions,
} from '../../../src/id/region-place.ts'
import { distanceKm, placeOfOrigin } from './geography.ts'

/** What the Worker's environment says of regions; see env.ts. */
interface RegionSettings {
  readonly REGION?: string
  readonly REGIONS: string
}

type LocationHint =
  | 'wnam'
  | 'enam'
  | 'sam'
  | 'weur'
  | 'eeur'
  | 'apac'
  | 'apac-ne'
  | 'apac-se'
  | 'oc'
  | 'afr'
  | 'me'

/** Cloudflare's nearest location for the first instance of an actor. */
const HINTS: Readonly<Record<PlaceName, LocationHint>> = {
  eu: 'weur',
  'eu-west': 'weur',
  'eu-central': 'weur',
  'eu-north': 'weur',
  'eu-south': 'weur',
  'eu-east': 'eeur',
  us: 'enam',
  'us-east': 'enam',
  'us-central': 'enam',
  'us-west': 'wnam',
  ca: 'enam',
  sa: 'sam',
  af: 'afr',
  me: 'me',
  ap: 'apac',
  'ap-south': 'apac',
  'ap-southeast': 'apac-se',
  'ap-northeast': 'apac-ne',
  oc: 'oc',
}

interface Served {
  readonly setting: string
  readonly regions: readonly PlacedRegion[]
}

let last: Served | null = null

/** Parsed once for all requests of an isolate. */
function served({ REGION, REGIONS }: RegionSettings): readonly PlacedRegion[] {
  const setting = REGION ?? REGIONS
  if (last === null || last.setting !== setting) last = { setting, regions: parsePlacedRegions(setting) }
  return last.regions
}

/** The regions that this deployment serves. @throws Error that says which name of REGION or REGIONS is wrong */
export function servedRegions(env: RegionSettings): RegionId[] {
  return served(env).map(({ region }) => region)
}

/** The served region that is nearest to where the request came in; the first one where nobody knows where that was. */
export function regionOf(request: { readonly cf?: unknown }, env: RegionSettings): RegionId {
  const regions = served(env)
  const cf = request.cf as { readonly country?: string; readonly continent?: string } | undefined
  const origin = placeOfOrigin(cf?.country, cf?.continent)
  const [first, ...others] = regions
  if (first === undefined) throw new Error('REGIONS is empty')
  if (origin === null) return first.region
  const far = ({ place }: PlacedRegion) => distanceKm(PLACES[place], origin)
  return others.reduce((nearest, one) => (far(one) < far(nearest) ? one : nearest), first).region
}

/** Only the first hint that an actor is made with counts. */
export function locationHint(region: RegionId, env: RegionSettings): { locationHint?: LocationHint } {
  const placed = served(env).find((one) => one.region === region)
  return placed === undefined ? {} : { locationHint: HINTS[placed.place] }
}
