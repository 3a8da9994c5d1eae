// Where a region is on Earth, as its name says: `eu`, `us-west`, `ap-tokyo`, or `factory@eu` for a name that says nothing. The
// edge makes actors near that place, and sends a request to the nearest of its regions.
import { parseRegionId, type RegionId } from './ids.ts'

export interface Place {
  /** Where most machines of a region of that name stand. Degrees; north and east are positive. */
  readonly latitude: number
  readonly longitude: number
}

/** Places by name. A region belongs to the longest of these that its name begins with, at a hyphen. */
export const PLACES = {
  eu: { latitude: 50, longitude: 9 },
  'eu-west': { latitude: 52, longitude: -2 },
  'eu-central': { latitude: 50, longitude: 9 },
  'eu-north': { latitude: 59, longitude: 18 },
  'eu-south': { latitude: 45, longitude: 9 },
  'eu-east': { latitude: 52, longitude: 21 },
  us: { latitude: 39, longitude: -77 },
  'us-east': { latitude: 39, longitude: -77 },
  'us-central': { latitude: 41, longitude: -95 },
  'us-west': { latitude: 41, longitude: -120 },
  ca: { latitude: 45, longitude: -74 },
  sa: { latitude: -23, longitude: -47 },
  af: { latitude: -26, longitude: 28 },
  me: { latitude: 25, longitude: 55 },
  ap: { latitude: 1, longitude: 104 },
  'ap-south': { latitude: 19, longitude: 73 },
  'ap-southeast': { latitude: 1, longitude: 104 },
  'ap-northeast': { latitude: 36, longitude: 140 },
  oc: { latitude: -34, longitude: 151 },
} as const satisfies Readonly<Record<string, Place>>
export type PlaceName = keyof typeof PLACES

export const PLACE_NAMES = Object.keys(PLACES) as PlaceName[]

export interface PlacedRegion {
  readonly region: RegionId
  readonly place: PlaceName
}

/**
 * A region as settings write it.
 * @throws Error that says what is wrong with the text, and which places are known
 */
export function parsePlacedRegion(text: string): PlacedRegion {
  const [name = '', stated, ...more] = text.trim().split('@')
  const region = parseRegionId(name)
  if (region === null || more.length > 0)
    throw new Error(
      `'${text}' is not a region: at most 32 lower-case letters, digits and hyphens, a letter first`,
    )
  const place = stated === undefined ? placeOf(region) : PLACE_NAMES.find((known) => known === stated)
  if (place === undefined || place === null)
    throw new Error(
      `nobody knows where the region '${text}' is: begin its name with a known place, such as eu-${region}, or state one, such as ${region}@eu. Known places: ${PLACE_NAMES.join(', ')}`,
    )
  return { region, place }
}

function placeOf(region: RegionId): PlaceName | null {
  const parts = region.split('-')
  for (let count = parts.length; count > 0; count--) {
    const start = parts.slice(0, count).join('-')
    const known = PLACE_NAMES.find((name) => name === start)
    if (known !== undefined) return known
  }
  return null
}

/** As a setting: with its place where the name does not say it. */
export function regionSetting({ region, place }: PlacedRegion): string {
  return placeOf(region) === place ? region : `${region}@${place}`
}

/** Regions as settings list them, separated by commas. @throws as `parsePlacedRegion`, and where a region is named twice */
export function parsePlacedRegions(text: string): PlacedRegion[] {
  const placed = text.split(',').map(parsePlacedRegion)
  const twice = placed.find(({ region }, i) => placed.findIndex((other) => other.region === region) !== i)
  if (twice !== undefined) throw new Error(`the region '${twice.region}' is named twice`)
  return placed
}
