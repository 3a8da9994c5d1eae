// A shadow's document from the HTTP API or from its topics, and its table of attributes for people.
import { z } from 'zod'
import type { Output } from './output.ts'
import { shown } from './payload.ts'

const sectionSchema = z.record(z.string(), z.unknown())

export const shadowDocumentSchema = z.looseObject({
  state: z.object({
    // Null in the answer to a change that removed the section.
    desired: sectionSchema.nullish(),
    reported: sectionSchema.nullish(),
    delta: sectionSchema.optional(),
  }),
  version: z.int(),
  timestamp: z.int().optional(),
  /** The home's region does not answer, so this is the store's copy. */
  synced: z.object({ region: z.string(), ageSeconds: z.number() }).optional(),
})
export type ShadowDocument = z.infer<typeof shadowDocumentSchema>

export function titleOf(device: string, name: string | undefined): string {
  return name === undefined ? device : `${device} (${name})`
}

/** The attributes of both sections side by side; those that differ are marked. */
export function shadowTable(title: string, document: ShadowDocument, out: Output): string {
  const { colors } = out
  const { state, version, timestamp, synced } = document
  const desired = leavesOf(state.desired)
  const reported = leavesOf(state.reported)
  const names = [...new Set([...desired.keys(), ...reported.keys()])].sort()
  const rows = names.map((name) => {
    const [wanted, is] = [desired.get(name), reported.get(name)]
    const open = wanted !== undefined && wanted !== is
    const mark = (text: string) => (open ? colors.yellow(text) : text)
    return [name, mark(wanted ?? ''), is ?? '', open ? mark('to do') : '']
  })
  const at = timestamp === undefined ? '' : ` at ${new Date(timestamp * 1000).toISOString()}`
  const age =
    synced === undefined
      ? ''
      : colors.yellow(` (${synced.region} does not answer: as it was ${synced.ageSeconds} s ago)`)
  const head = `${colors.bold(title)} version ${version}${at}${age}`
  return rows.length === 0
    ? `${head}\n(empty)`
    : `${head}\n${out.table(['attribute', 'desired', 'reported', ''], rows)}`
}

/** From paths such as `color.r` to the JSON of their values; an array is one value. */
function leavesOf(
  section: Readonly<Record<string, unknown>> | null | undefined,
  before = '',
): Map<string, string> {
  const leaves = new Map<string, string>()
  for (const [key, value] of Object.entries(section ?? {})) {
    const name = `${before}${shown(key).replaceAll(/[\\.]/g, '\\$&')}`
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (isObject && Object.keys(value).length > 0)
      for (const [below, text] of leavesOf(value as Record<string, unknown>, `${name}.`))
        leaves.set(below, text)
    else leaves.set(name, JSON.stringify(value))
  }
  return leaves
}
