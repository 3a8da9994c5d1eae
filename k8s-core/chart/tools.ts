// Gets what the check needs and a checkout does not have: helm, and Kubernetes' OpenAPI documents. Both come through
// the Go module proxy, whose checksum database vouches for them, and are kept in `.tools/`.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const TOOLS = resolve(import.meta.dirname, '../../.tools')
const HELM_VERSION = 'v4.3.1'

export interface KubernetesRelease {
  readonly version: string
  /** Of `api/openapi-spec/swagger.json`, in hex. */
  readonly sha256: string
}

/** The oldest and the newest Kubernetes release that the chart supports. */
export const KUBERNETES: readonly KubernetesRelease[] = [
  { version: '1.27.16', sha256: '2ff17583954f409b1c1ed316144aa6666a2a75f9de0742df05bb66723b0d1b91' },
  { version: '1.37.2', sha256: '465276aedf437726de5a6ed23a41b86d78bb0d347edf251a755ae26a93cdd8a6' },
]

/** A tool that has to be installed by hand; the message names it. */
export class MissingTool extends Error {}

export interface Run {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Throws if there is no such program. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Run {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
    maxBuffer: 64 * 1024 * 1024,
  })
  if (done.error !== undefined) throw new Error(`cannot run ${program}`, { cause: done.error })
  return { ok: done.status === 0, stdout: done.stdout, stderr: done.stderr }
}

function exists(program: string): boolean {
  return spawnSync(program, ['version']).error === undefined
}

function go(args: readonly string[], what: string, env: Record<string, string> = {}): string {
  if (!exists('go')) {
    throw new MissingTool(`${what} needs Go, to fetch it from the Go module proxy: https://go.dev/dl`)
  }
  process.stdout.write(`fetching ${what} (once)\n`)
  const done = run('go', args, { env })
  if (!done.ok) throw new MissingTool(`cannot get ${what}:\n${done.stderr}${done.stdout}`)
  return done.stdout
}

/** The path of helm: the one on PATH, else a pinned one. */
export function helmProgram(): string {
  if (exists('helm')) return 'helm'
  const folder = join(TOOLS, `helm-${HELM_VERSION}`)
  const program = join(folder, process.platform === 'win32' ? 'helm.exe' : 'helm')
  if (!existsSync(program)) {
    go(['install', `helm.sh/helm/v4/cmd/helm@${HELM_VERSION}`], `helm ${HELM_VERSION}`, { GOBIN: folder })
  }
  return program
}

/** The OpenAPI document of a Kubernetes release, as parsed JSON. */
export function kubernetesOpenApi(release: KubernetesRelease): unknown {
  const file = join(TOOLS, `kubernetes-${release.version}.json`)
  if (!existsSync(file)) {
    const answer = go(
      ['mod', 'download', '-json', `k8s.io/kubernetes@v${release.version}`],
      `the OpenAPI document of Kubernetes ${release.version}`,
    )
    const { Dir } = JSON.parse(answer) as { Dir: string }
    mkdirSync(TOOLS, { recursive: true })
    // Renamed into place: an interrupted run leaves no half a document.
    writeFileSync(`${file}.part`, readFileSync(join(Dir, 'api/openapi-spec/swagger.json')))
    renameSync(`${file}.part`, file)
  }
  const text = readFileSync(file)
  const sha256 = createHash('sha256').update(text).digest('hex')
  if (sha256 !== release.sha256) throw new Error(`${file} is not what was pinned: sha256 ${sha256}`)
  return JSON.parse(text.toString('utf8'))
}
