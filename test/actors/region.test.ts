// Which of the served regions a request is sent to, by the country and the continent that Cloudflare gives with it.
import { describe, expect, test } from 'vitest'
import { KNOWN_CODES, placeOfOrigin } from '../../actors/hosts/workerd/geography.ts'
import { locationHint, regionOf, servedRegions } from '../../actors/hosts/workerd/region.ts'
import { PLACE_NAMES, type PlaceName, parsePlacedRegion } from '../../src/id/region-place.ts'

const ALL = 'eu,us,ap,oc,sa,af,me'
const USUAL = 'eu,us,ap'
const nearest = (REGIONS: string, cf: object | undefined) => regionOf({ cf }, { REGIONS })

const NEAREST: readonly (readonly [region: string, countries: string])[] = [
  [
    'eu',
    `AD AL AT AX BA BE BF BG BY CH CV CZ DE DK DZ EE EH ES FI FO FR GB GG GI GM GN GR GW HR HU IE IM IS IT JE LI
     LT LU LV LY MA MC MD ME MK ML MR MT NE NL NO PL PT RO RS RU SE SI SJ SK SM SN TD TN TR UA VA XK`,
  ],
  [
    'me',
    `AE AF AM AZ BH CY DJ EG ER ET GE IL IN IQ IR JO KG KW KZ LB MN MV NP OM PK PS QA SA SC SD SO SS SY TJ TM UZ
     YE`,
  ],
  [
    'af',
    `AO BI BJ BW CD CF CG CI CM GA GH GQ KE KM LS MG MU MW MZ NA NG RE RW SH ST SZ TG TZ UG YT ZA ZM ZW`,
  ],
  [
    'us',
    `AG AI AW BB BL BM BQ BS BZ CA CO CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX
     TC TT US VC VE VG VI`,
  ],
  ['sa', `AR BO BR CL EC FK GF GS GY LR PE PY SL SR UY`],
  ['ap', `BD BN BT CC CN CX GU HK ID IO JP KH KP KR LA LK MM MO MP MY PH PW SG TH TL TW VN`],
  ['oc', `AS AU CK FJ FM KI MH NC NF NR NU NZ PF PG PN SB TK TO TV UM VU WF WS`],
]

describe('a request', () => {
  test.each([
    ['EU', 'eu', 'eu'],
    ['NA', 'us', 'us'],
    ['SA', 'sa', 'us'],
    ['AF', 'af', 'eu'],
    ['AS', 'ap', 'ap'],
    ['OC', 'oc', 'ap'],
    ['AN', 'sa', 'ap'],
  ])(
    'from the continent %s goes to %s, and to %s where there is no more than eu, us and ap',
    (continent, all, usual) => {
      expect(nearest(ALL, { continent })).toBe(all)
      expect(nearest(USUAL, { continent })).toBe(usual)
    },
  )

  test('from each continent and country finds a place', () => {
    expect(KNOWN_CODES.continents.sort()).toEqual(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'])
    expect(KNOWN_CODES.countries.length).toBeGreaterThan(235)
    for (const code of KNOWN_CODES.countries) {
      const { latitude, longitude } = placeOfOrigin(code, undefined) ?? { latitude: 999, longitude: 999 }
      expect(Math.abs(latitude), code).toBeLessThanOrEqual(90)
      expect(Math.abs(longitude), code).toBeLessThanOrEqual(180)
    }
  })

  // As the crow flies, which is not always as the cable runs: Liberia is nearer to São Paulo than to Frankfurt.
  test.each(NEAREST)('goes to %s from %s', (region, countries) => {
    const wrong = countries.split(/\s+/).filter((country) => nearest(ALL, { country }) !== region)
    expect(wrong.map((country) => `${country}: ${nearest(ALL, { country })}`)).toEqual([])
  })

  test.each([
    ['BR', 'us'],
    ['AR', 'us'],
    ['AU', 'ap'],
    ['NZ', 'ap'],
    ['NG', 'eu'],
    ['AE', 'eu'],
    ['IN', 'ap'],
    ['MX', 'us'],
    ['JP', 'ap'],
  ])('from %s goes to %s where there is no more than eu, us and ap', (country, region) => {
    expect(nearest(USUAL, { country })).toBe(region)
  })

  test('from each country is in one list above', () => {
    const listed = NEAREST.flatMap(([, countries]) => countries.split(/\s+/)).sort()
    expect(listed).toEqual([...KNOWN_CODES.countries].sort())
  })

  test('goes by its country before its continent, and to the first region where neither is known', () => {
    expect(nearest(ALL, { country: 'AE', continent: 'AS' })).toBe('me')
    expect(nearest(ALL, { country: 'T1', continent: 'OC' })).toBe('oc')
    expect(nearest('ap,eu', { country: 'T1' })).toBe('ap')
    expect(nearest('ap,eu', undefined)).toBe('ap')
  })

  test('goes to the only region that is served, and to the nearest part of a continent', () => {
    expect(regionOf({ cf: { country: 'JP' } }, { REGIONS: ALL, REGION: 'eu' })).toBe('eu')
    expect(nearest('us-east,us-west,eu', { country: 'JP' })).toBe('us-west')
    expect(nearest('eu-west,eu-east', { country: 'PL' })).toBe('eu-east')
  })
})

describe('a region', () => {
  test.each(PLACE_NAMES)('at %s has its actors made there', (place) => {
    const { region } = parsePlacedRegion(place)
    expect(locationHint(region, { REGIONS: place })).toHaveProperty('locationHint')
  })

  test.each<[string, PlaceName, string]>([
    ['me', 'me', 'me'],
    ['factory', 'oc', 'oc'],
    ['us-west-2', 'us-west', 'wnam'],
  ])('called %s at %s is hinted as %s', (name, place, hint) => {
    const { region } = parsePlacedRegion(`${name}@${place}`)
    expect(locationHint(region, { REGIONS: `eu,${name}@${place}` })).toEqual({ locationHint: hint })
  })

  test('whose place nobody knows is refused', () => {
    expect(() => servedRegions({ REGIONS: 'eu,factory' })).toThrow(
      "nobody knows where the region 'factory' is",
    )
  })
})
