// The conformance table as text, and what is wrong with what it is made of.
import type { Proof, Version } from './collect.ts'
import { REASONS } from './reasons.ts'
import { ofServer, type Statement } from './statements.ts'
import { STATEMENTS_3_1_1 } from './statements-3-1-1.ts'
import { STATEMENTS_5 } from './statements-5.ts'

export type Reasons = Readonly<Record<Version, Readonly<Record<string, string>>>>

const LISTS: Readonly<Record<Version, readonly Statement[]>> = {
  '5.0': STATEMENTS_5,
  '3.1.1': STATEMENTS_3_1_1,
}
const NAMES_SHOWN_MAX = 4
const VERSIONS: readonly Version[] = ['5.0', '3.1.1']

/** Sentences; none when the statements, the tests and the reasons agree. */
export function complaints(proofs: readonly Proof[], reasons: Reasons = REASONS): string[] {
  const found: string[] = []
  for (const { version, id, file, name } of proofs) {
    if (!LISTS[version].some((one) => one.id === id))
      found.push(`${version} has no statement MQTT-${id}, which a test names: ${name} (${file})`)
  }
  for (const version of VERSIONS) {
    const proven = new Set(proofs.filter((one) => one.version === version).map(({ id }) => id))
    const mine = LISTS[version].filter(ofServer)
    for (const { id } of mine) {
      const reason = reasons[version][id]
      if (proven.has(id) && reason !== undefined)
        found.push(`MQTT-${id} of ${version} has a test and needs no reason`)
      if (!proven.has(id) && reason === undefined)
        found.push(`MQTT-${id} of ${version} has neither a test nor a reason`)
    }
    for (const id of Object.keys(reasons[version])) {
      if (!mine.some((one) => one.id === id))
        found.push(`a reason is given for MQTT-${id}, no statement of ${version} on servers`)
    }
  }
  return found
}

export function conformanceText(proofs: readonly Proof[], reasons: Reasons = REASONS): string {
  const parts = VERSIONS.map((version) => versionText(version, proofs, reasons[version]))
  return `${HEAD}\n${parts.join('\n')}`
}

const HEAD = `# Conformance

Every numbered normative statement of MQTT 5.0 and 3.1.1 that concerns a server, in our words, with the tests that prove
it. \`npm run conformance\` writes this file from the names of the tests: \`[MQTT-3.1.0-1]\` in a name is a statement of
5.0, \`[MQTT-3.1.0-1, 3.1.1]\` one of 3.1.1. A test fails when this file is not what would be written, and when a statement
has neither a test nor a reason. A test that is marked **not yet** says what the standard asks for and Starling does not
do; it fails when Starling does.
`

function versionText(version: Version, proofs: readonly Proof[], reasons: Reasons[Version]): string {
  const all = LISTS[version]
  const mine = all.filter(ofServer)
  const byId = new Map(
    mine.map(({ id }) => [id, proofs.filter((one) => one.version === version && one.id === id)]),
  )
  const count = (test: (found: readonly Proof[]) => boolean) =>
    mine.filter(({ id }) => test(byId.get(id) ?? [])).length
  const counts = [
    `${mine.length} of ${all.length} statements concern a server:`,
    `${count((found) => found.length > 0 && found.every(({ holds }) => holds))} are proven,`,
    `${count((found) => found.some(({ holds }) => holds) && found.some(({ holds }) => !holds))} hold in part,`,
    `${count((found) => found.length > 0 && found.every(({ holds }) => !holds))} do not hold yet,`,
    `${count((found) => found.length === 0)} have no test, for the reason given.`,
  ].join(' ')
  const rows = mine.map(({ id, says }) => {
    const found = byId.get(id) ?? []
    const proof = found.length > 0 ? proofText(found) : `none: ${cell(reasons[id] ?? '')}`
    return `| ${id} | ${cell(says)} | ${proof} |\n`
  })
  return `## MQTT ${version}\n\n${counts}\n\n| statement | says | tests |\n|---|---|---|\n${rows.join('')}`
}

/** The tests of a file stand together; of many, the first. */
function proofText(found: readonly Proof[]): string {
  const groups = Map.groupBy(
    found,
    ({ file, holds }) => `${holds ? '' : '**not yet**: '}[${file}](../test/${file})`,
  )
  return [...groups]
    .map(([file, tests]) => {
      const names = tests.slice(0, NAMES_SHOWN_MAX).map(({ name }) => cell(name))
      if (tests.length > names.length) names.push(`and ${tests.length - names.length} more`)
      return `${file}: ${names.join('; ')}`
    })
    .join('<br>')
}

/** What a cell of a Markdown table may hold. */
function cell(text: string): string {
  return text.replace(/[\\|*_<>`[\]$#]/g, (c) => `\\${c}`)
}
