// The clients that are compiled: finds each one's toolchain, and builds its program into .tools/clients.
import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from './commands.ts'

const run = promisify(execFile)

/** The first build fetches what it needs from the toolchain's registry. */
export const BUILD_MS = 600_000
const OUTPUT_BYTES_MAX = 2 ** 26
const BUILT = path.join(PROJECT, '.tools/clients')

export interface Command {
  readonly command: string
  readonly args: readonly string[]
}

export interface Program {
  readonly name: string
  /** Null, or what to install, as a sentence. */
  readonly missing: () => Promise<string | null>
  readonly build: () => Promise<Command>
}

const sourceOf = (folder: string): string => path.join(import.meta.dirname, folder)

export const PAHO_GOLANG: Program = {
  name: 'paho.golang',
  missing: async () => {
    const version = await versionOf('go', ['env', 'GOVERSION'], /go(\d+)\.(\d+)/, { GOTOOLCHAIN: 'local' })
    return version !== null && isAtLeast(version, [1, 24])
      ? null
      : `Go 1.24 or later is not there: install it from https://go.dev/dl`
  },
  build: async () => {
    const command = path.join(BUILT, 'paho-golang/course')
    const args = ['build', '-C', sourceOf('paho-golang'), '-mod=readonly', '-trimpath', '-o', command, '.']
    await build('go', args, { GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '-buildvcs=false' })
    return { command, args: [] }
  },
}

export const RUMQTTC: Program = {
  name: 'rumqttc',
  missing: async () => {
    const version = await versionOf('cargo', ['--version'], /cargo (\d+)\.(\d+)/)
    return version !== null && isAtLeast(version, [1, 85])
      ? null
      : 'Rust 1.85 or later with cargo is not there: install it from https://rustup.rs'
  },
  build: async () => {
    const target = path.join(BUILT, 'rumqttc')
    const manifest = path.join(sourceOf('rumqttc'), 'Cargo.toml')
    await build('cargo', [
      'build',
      '--quiet',
      '--locked',
      '--manifest-path',
      manifest,
      '--target-dir',
      target,
    ])
    return { command: path.join(target, 'debug/course'), args: [] }
  },
}

export const HIVEMQ: Program = {
  name: 'HiveMQ MQTT Client',
  missing: async () => {
    const javac = await versionOf('javac', ['-version'], /javac (\d+)(?:\.(\d+))?/)
    if (javac === null || !isAtLeast(javac, [17, 0]))
      return 'A JDK 17 or later is not there (on Debian: apt install openjdk-17-jdk-headless)'
    const maven = await versionOf('mvn', ['--version'], /Apache Maven (\d+)\.(\d+)/)
    return maven !== null ? null : 'Maven is not there (on Debian: apt install maven)'
  },
  build: async () => {
    const folder = path.join(BUILT, 'hivemq')
    const classPath = path.join(folder, 'class-path')
    await mkdir(folder, { recursive: true })
    const pom = path.join(sourceOf('hivemq'), 'pom.xml')
    const goals = ['compile', 'dependency:build-classpath']
    const settings = [`-Dcourse.built=${folder}`, `-Dmdep.outputFile=${classPath}`]
    await build('mvn', ['--batch-mode', '--quiet', '-f', pom, ...settings, ...goals])
    const jars = (await readFile(classPath, 'utf8')).trim()
    const all = [path.join(folder, 'classes'), jars].join(path.delimiter)
    return { command: 'java', args: ['-cp', all, 'starling.test.Course'] }
  },
}

async function build(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  try {
    await run(command, args, {
      env: { ...process.env, ...env },
      timeout: BUILD_MS,
      maxBuffer: OUTPUT_BYTES_MAX,
    })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} could not build the course:\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** Null where the command is not there, or says something else. */
async function versionOf(
  command: string,
  args: readonly string[],
  pattern: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly [major: number, minor: number] | null> {
  try {
    const { stdout, stderr } = await run(command, args, { env: { ...process.env, ...env } })
    const found = pattern.exec(`${stdout}\n${stderr}`)
    return found === null ? null : [Number(found[1]), Number(found[2] ?? 0)]
  } catch {
    return null
  }
}

function isAtLeast([major, minor]: readonly [number, number], wanted: readonly [number, number]): boolean {
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1])
}
