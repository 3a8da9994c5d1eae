// Where a region is, as its name says; a name that says nothing is refused before anything runs.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { coreConfig } from '../../k8s-core/config.ts'
import {
  PLACE_NAMES,
  parsePlacedRegion,
  parsePlacedRegions,
  regionSetting,
} from '../../src/id/region-place.ts'

describe('a region', () => {
  test.each([
    ['eu', 'eu', 'eu'],
    ['eu-west', 'eu-west', 'eu-west'],
    ['eu-west-1', 'eu-west-1', 'eu-west'],
    ['eu-berlin', 'eu-berlin', 'eu'],
    ['us-west2', 'us-west2', 'us'],
    ['ap-northeast-1', 'ap-northeast-1', 'ap-northeast'],
    ['factory@eu', 'factory', 'eu'],
    ['us-2@oc', 'us-2', 'oc'],
    [' me ', 'me', 'me'],
  ])('written as %s is %s, at the place %s', (text, region, place) => {
    expect(parsePlacedRegion(text)).toEqual({ region, place })
    expect(parsePlacedRegion(regionSetting(parsePlacedRegion(text)))).toEqual({ region, place })
  })

  test.each(['factory', 'europe', 'eux', 'factory-eu', 'factory@home', 'x@'])(
    'written as %s is refused, with what to write and which places are known',
    (text) => {
      expect(() => parsePlacedRegion(text)).toThrow(`'${text}'`)
      expect(() => parsePlacedRegion(text)).toThrow(`Known places: ${PLACE_NAMES.join(', ')}`)
    },
  )

  test.each(['', 'EU', '1eu', 'a@eu@us', 'eu us'])('written as %j is no region', (text) => {
    expect(() => parsePlacedRegion(text)).toThrow('is not a region')
  })

  test('stands once in a list', () => {
    expect(parsePlacedRegions('eu, us').map(({ region }) => region)).toEqual(['eu', 'us'])
    expect(() => parsePlacedRegions('eu,us,eu@us')).toThrow("'eu' is named twice")
  })

  test('of an unknown place is refused by the core when it starts', () => {
    const secrets = { RELAY_SECRET: 'r'.repeat(32), CLIENT_TOKEN_SECRET: 'c'.repeat(32) }
    const edges = (EDGES: string) => coreConfig({ EDGES, ...secrets }).edges
    expect([...edges('eu-1=https://a.example,factory@eu=https://b.example').keys()]).toEqual([
      'eu-1',
      'factory',
    ])
    expect(() => edges('factory=https://b.example')).toThrow("nobody knows where the region 'factory' is")
  })
})

test('the chart takes the same names as the core', () => {
  const file = path.join(import.meta.dirname, '../../k8s-core/chart/values.schema.json')
  const schema = JSON.parse(readFileSync(file, 'utf8')) as {
    properties: { edges: { patternProperties: Record<string, unknown> } }
  }
  const widest = PLACE_NAMES.filter((name) => !name.includes('-')).join('|')
  const all = PLACE_NAMES.join('|')
  expect(Object.keys(schema.properties.edges.patternProperties)).toEqual([
    `^((${widest})(-[a-z0-9-]{1,29})?|[a-z][a-z0-9-]{0,31}@(${all}))$`,
  ])
})
