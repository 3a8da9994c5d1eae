// Cassandra for tests comes as jars from Maven Central (pom.xml) and runs on a Java that is on the machine.
import { execFile, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const POM = path.join(import.meta.dirname, 'pom.xml')
const MAVEN_MS = 600_000

export type Toolchain =
  | { readonly found: true; readonly java: string }
  | { readonly found: false; readonly missing: string }

/** Looks for a Java that Cassandra 5 runs on, and for Maven where the jars are not resolved yet. */
export function findToolchain(folder: string): Toolchain {
  const java = javaCandidates().find(runsCassandra)
  if (java === undefined)
    return {
      found: false,
      missing: 'Java 11 or 17 (apt-get install openjdk-17-jre-headless, or set JAVA_HOME)',
    }
  if (resolvedJars(folder) === null && !isOnPath('mvn'))
    return { found: false, missing: 'Maven (apt-get install maven), needed once to fetch the jars' }
  return { found: true, java }
}

/** The jars of the class path; the first call on a machine downloads about 70 MB into Maven's cache. */
export async function resolveJars(folder: string): Promise<readonly string[]> {
  const known = resolvedJars(folder)
  if (known !== null) return known
  mkdirSync(folder, { recursive: true })
  const file = classPathFile(folder)
  const draft = `${file}.${randomUUID()}`
  const goal = ['dependency:build-classpath', `-Dmdep.outputFile=${draft}`]
  try {
    await promisify(execFile)('mvn', ['-B', '-ntp', '-f', POM, ...goal], {
      timeout: MAVEN_MS,
      maxBuffer: 2 ** 26,
    })
    renameSync(draft, file)
  } catch (error) {
    throw new Error('Maven could not resolve the jars of Cassandra', { cause: error })
  }
  const jars = resolvedJars(folder)
  if (jars === null) throw new Error(`${file} names jars that are not there`)
  return jars
}

function classPathFile(folder: string): string {
  const stamp = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12)
  return path.join(folder, `classpath-${stamp}.txt`)
}

function resolvedJars(folder: string): readonly string[] | null {
  const file = classPathFile(folder)
  if (!existsSync(file)) return null
  const jars = readFileSync(file, 'utf8').trim().split(path.delimiter)
  return jars.length > 10 && jars.every((jar) => existsSync(jar)) ? jars : null
}

/** The default Java may be too new for Cassandra while an older one stands beside it. */
function javaCandidates(): string[] {
  const home = process.env.JAVA_HOME
  return [
    ...(home ? [path.join(home, 'bin', 'java')] : []),
    'java',
    ...installed('/usr/lib/jvm', ''),
    ...installed('/Library/Java/JavaVirtualMachines', 'Contents/Home'),
  ]
}

function installed(folder: string, inside: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => /\b1[17]\b/.test(name))
  return names.map((name) => path.join(folder, name, inside, 'bin', 'java'))
}

function runsCassandra(java: string): boolean {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  return /version "1[17]\b/.test(stderr ?? '')
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
