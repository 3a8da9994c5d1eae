// What the pages tell Helm, as the chart would see it: its own values with those of files and of `--set` over them.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { PROJECT } from '../clients/commands.ts'

const CHART = path.join(PROJECT, 'k8s-core/chart')
type Values = Record<string, unknown>

/** What the chart's schema has against the values; empty where it takes them. */
export function valuesFaults(files: readonly Values[], settings: readonly string[]): string[] {
  let values = parse(readFileSync(path.join(CHART, 'values.yaml'), 'utf8')) as Values
  for (const file of files) values = merged(values, file)
  for (const setting of settings) setValue(values, setting)
  const schema = JSON.parse(readFileSync(path.join(CHART, 'values.schema.json'), 'utf8')) as object
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema)
  if (validate(values)) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

function merged(below: Values, above: Values): Values {
  const result = { ...below }
  for (const [name, value] of Object.entries(above)) {
    const before = result[name]
    result[name] = isObject(before) && isObject(value) ? merged(before, value) : value
  }
  return result
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** As Helm reads `a.b=c`, `a={b,c}` and numbers. */
export function setValue(values: Values, setting: string): void {
  const [, name = '', text = ''] = /^([^=]+)=(.*)$/.exec(setting) ?? []
  const names = name.split('.')
  let at = values
  for (const one of names.slice(0, -1)) {
    const below = at[one]
    const next: Values = isObject(below) ? { ...below } : {}
    at[one] = next
    at = next
  }
  const list = /^\{(.*)\}$/.exec(text)?.[1]
  at[names.at(-1) ?? ''] =
    list === undefined ? (/^\d{1,9}$/.test(text) ? Number(text) : text) : list.split(',')
}
