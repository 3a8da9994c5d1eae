// `npm run chart`: does the chart lint, render to what Kubernetes accepts, and refuse wrong values?
// Exit code 1 if not, 2 if a tool is missing.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { documentedInstalls } from './documented.ts'
import { type ManifestCheck, manifestCheck } from './kubernetes-schema.ts'
import { releaseFaults } from './manifest-rules.ts'
import { helmProgram, KUBERNETES, kubernetesOpenApi, MissingTool, type Run, run } from './tools.ts'

const CHART = import.meta.dirname
const CASES = join(CHART, 'ci')

let failures = 0
function report(what: string, faults: readonly string[]): void {
  if (faults.length > 0) failures++
  const lines = faults.map((fault) => `     ${fault.trim().replaceAll('\n', '\n     ')}\n`)
  process.stdout.write(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${what}\n${lines.join('')}`)
}

type Values = Record<string, unknown> & { cassandra: Record<string, unknown> }
const values = z.looseObject({
  existingSecret: z.string().optional(),
  serviceAccount: z
    .looseObject({ create: z.boolean().default(true), name: z.string().optional() })
    .optional(),
})

function render(helm: string, input: unknown, kubernetes: string): Run {
  // JSON is YAML, so values need no file.
  const args = ['template', 'check', CHART, '--kube-version', kubernetes, '--values', '-']
  return run(helm, args, { input: JSON.stringify(input) })
}

/** Duplicate keys, which a cluster would resolve in silence, are errors here. */
function manifestsOf(text: string): unknown[] {
  const documents = parseAllDocuments(text, { uniqueKeys: true })
  if (!Array.isArray(documents)) return []
  return documents
    .map((document) => {
      const [error] = document.errors
      if (error !== undefined) throw error
      return document.toJS() as unknown
    })
    .filter((manifest) => manifest !== null)
}

function checkRendering(helm: string, checks: ReadonlyMap<string, ManifestCheck>): void {
  for (const name of readdirSync(CASES).filter((file) => file.endsWith('.yaml'))) {
    const file = join(CASES, name)
    const lint = run(helm, ['lint', '--strict', CHART, '--values', file])
    report(`${name}: lint`, lint.ok ? [] : [lint.stdout + lint.stderr])

    const input = values.parse(parse(readFileSync(file, 'utf8')))
    for (const [kubernetes, check] of checks) {
      const rendered = render(helm, input, kubernetes)
      if (!rendered.ok) {
        report(`${name}: render`, [rendered.stderr])
        continue
      }
      const manifests = manifestsOf(rendered.stdout)
      const title = `${name}: ${manifests.length} objects on Kubernetes ${kubernetes}`
      report(`${title}, strictly`, manifests.flatMap(check))
      const account = input.serviceAccount
      const external = {
        secret: input.existingSecret ?? null,
        serviceAccount: account?.create === false ? (account.name ?? 'default') : null,
      }
      report(`${title}, together`, releaseFaults(manifests, external))
    }
  }
}

function checkDocumented(helm: string, kubernetes: string, check: ManifestCheck): void {
  for (const { what, args, values } of documentedInstalls()) {
    const given = values === null ? [] : ['--values', '-']
    const all = ['template', 'core', CHART, '--kube-version', kubernetes, ...args, ...given]
    const rendered = run(helm, all, values === null ? {} : { input: JSON.stringify(values) })
    report(
      `${what}, on Kubernetes ${kubernetes}`,
      rendered.ok ? manifestsOf(rendered.stdout).flatMap(check) : [rendered.stderr],
    )
  }
}

type Wrong = readonly [what: string, change: (v: Values) => void, complaint: RegExp]
const WRONG_VALUES: readonly Wrong[] = [
  ['no edges', (v) => delete v.edges, /edges/],
  ['an edge that is no URL', (v) => (v.edges = { eu: 'eu.example' }), /\/edges\/eu/],
  ['an edge with a comma', (v) => (v.edges = { eu: 'https://a,b' }), /\/edges\/eu/],
  ['a region of a wrong name', (v) => (v.edges = { EU: 'https://eu.example' }), /edges.*EU/s],
  [
    'a region whose place nobody knows',
    (v) => (v.edges = { factory: 'https://a.example' }),
    /edges.*factory/s,
  ],
  ['no secret at all', (v) => delete v.relaySecret, /relaySecret/],
  ['a secret of 31 characters', (v) => (v.relaySecret = 'x'.repeat(31)), /relaySecret.*31, want 32/],
  ['no secret for the tokens', (v) => delete v.clientTokenSecret, /clientTokenSecret/],
  ['a short secret for the tokens', (v) => (v.clientTokenSecret = 'x'.repeat(31)), /clientTokenSecret.*31/],
  ['a secret here and elsewhere', (v) => (v.existingSecret = 'other'), /relaySecret/],
  ['an unknown key', (v) => (v.replica = 2), /replica\b/],
  ['an unknown key further down', (v) => (v.cassandra.datacenter = 'dc1'), /datacenter/],
  ['no replication', (v) => delete v.cassandra.replication, /replication/],
  ['a contact point without a port', (v) => (v.cassandra.contactPoints = ['a']), /contactPoints/],
  ['a username without a password', (v) => (v.cassandra.username = 'a'), /password/],
  ['an Ingress without a host', (v) => (v.ingress = { enabled: true }), /ingress.*host/s],
  ['environment that the chart sets itself', (v) => (v.extraEnv = { PORT: '1' }), /extraEnv/],
  [
    'an autoscaler with more at least than at most',
    (v) => (v.autoscaling = { enabled: true, minReplicas: 5, maxReplicas: 2 }),
    /minReplicas is more/,
  ],
]

function checkRefusals(helm: string, newest: string, check: ManifestCheck): void {
  const minimal = readFileSync(join(CASES, 'minimal.yaml'), 'utf8')
  const refused = (what: string, done: Run, complaint: RegExp) => {
    const clear = !done.ok && complaint.test(done.stderr)
    report(`refused: ${what}`, clear ? [] : [done.ok ? 'it was accepted' : `not clearly: ${done.stderr}`])
  }
  for (const [what, change, complaint] of WRONG_VALUES) {
    const wrong = parse(minimal) as Values
    change(wrong)
    refused(what, render(helm, wrong, newest), complaint)
  }
  refused('Kubernetes 1.26', render(helm, parse(minimal), '1.26.15'), /kubeVersion/)

  // A check that cannot fail proves nothing.
  const text = render(helm, parse(minimal), newest).stdout
  for (const [what, right, wrong] of [
    ['a misspelt field', 'terminationGracePeriodSeconds:', 'terminationGracePeriodSecond:'],
    ['a misspelt field deep inside', 'readOnlyRootFilesystem:', 'readonlyRootFilesystem:'],
    ['a field of the wrong type', 'minReadySeconds: 5', 'minReadySeconds: five'],
    ['an API version that is gone', 'apiVersion: policy/v1', 'apiVersion: policy/v1beta1'],
  ] as const) {
    const faults = manifestsOf(text.replace(right, wrong)).flatMap(check)
    report(
      `refused: ${what}`,
      text.includes(right) && faults.length === 1 ? [] : ['it was accepted', ...faults],
    )
  }
}

try {
  const helm = helmProgram()
  const checks = new Map(KUBERNETES.map((r) => [r.version, manifestCheck(kubernetesOpenApi(r))]))
  checkRendering(helm, checks)
  const [newest, check] = [...checks].at(-1) ?? []
  if (newest === undefined || check === undefined) throw new Error('no Kubernetes release to check against')
  checkDocumented(helm, newest, check)
  checkRefusals(helm, newest, check)
  process.stdout.write(failures === 0 ? 'The chart is right.\n' : `${failures} checks failed.\n`)
  process.exitCode = failures === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof MissingTool)) throw error
  process.stdout.write(`${error.message}\n`)
  process.exitCode = 2
}
