// A local run's folder: its secrets, and `local.json` for scripts and the CLI.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'

export const DEFAULT_DIR = '.starling'

/** Of the actors' tables and the store's: raised where an older folder could not be gone on with. */
const LAYOUT = 3

const secretsSchema = z.object({
  layout: z.literal(LAYOUT),
  relaySecret: z.string(),
  clientTokenSecret: z.string(),
})
export type Secrets = z.infer<typeof secretsSchema>

export const localSchema = z.object({
  fleet: z.string(),
  regions: z.record(z.string(), z.object({ mqtt: z.string(), http: z.string(), pid: z.int() })),
  core: z.object({ http: z.string(), pid: z.int() }),
  adminToken: z.string(),
})
/** Read by scripts: where everything is, while it runs. */
export type Local = z.infer<typeof localSchema>

/** The secrets of this folder, made fresh the first time. */
export async function loadSecrets(dir: string): Promise<Secrets> {
  const file = path.join(dir, 'secrets.json')
  await mkdir(dir, { recursive: true })
  const fresh: Secrets = {
    layout: LAYOUT,
    relaySecret: randomBytes(32).toString('base64url'),
    clientTokenSecret: randomBytes(32).toString('base64url'),
  }
  try {
    await writeFile(file, `${JSON.stringify(fresh, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
    return fresh
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  try {
    return secretsSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new Error(
      `${dir} is not of this version of Starling; remove it to begin anew, or name another with --dir`,
      { cause },
    )
  }
}

export async function readSecrets(dir: string): Promise<Secrets> {
  const file = path.join(dir, 'secrets.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(`there is no ${file}: run 'npm start' first`, { cause })
  }
  return secretsSchema.parse(JSON.parse(text))
}

/** Written whole or not at all: a script may read the file at any moment. */
export async function writeLocal(dir: string, local: Local): Promise<void> {
  const file = path.join(dir, 'local.json')
  await writeFile(`${file}.next`, `${JSON.stringify(local, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.next`, file)
}
