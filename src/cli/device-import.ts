// `starling device import`: many devices from a file. Secrets are made here and written to disk first, so an import that breaks off
// can simply be run again.
import { appendFile, readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { z } from 'zod'
import { importLineSchema, importResultSchema } from '../api/devices.ts'
import { newSecret } from '../id/secret.ts'
import { ask } from './ask.ts'
import { Exit, Failure } from './exit.ts'
import { outputOf } from './output.ts'
import { readBytes } from './payload.ts'
import { adminToken, coreOf, placeOf } from './place.ts'

type Line = z.infer<typeof importLineSchema>
type Result = z.infer<typeof importResultSchema>

const BATCH = 500
const BATCH_CHARACTERS_MAX = 500_000
const keptSchema = z.object({ id: z.string(), secret: z.string() })

export function importCommand(): Command {
  return new Command('import')
    .description('register many devices, or bring them up to date: the same again changes nothing')
    .argument(
      '<file>',
      'a JSON object a line, { "id", "type", "attributes", "groups", "secret" }; - for stdin',
    )
    .option(
      '--secrets <file>',
      'give each a secret, written there as { "id", "secret" } a line; read first if it is there',
    )
    .action(async (file: string, { secrets }: { secrets?: string }, command: Command) => {
      const lines = linesOf((await readBytes(file)).toString('utf8'), importLineSchema, file)
      const ready = secrets === undefined ? lines : await withSecrets(lines, secrets)
      const place = await placeOf(command)
      const token = await adminToken(place)
      const results: Result[] = []
      for (const batch of batches(ready)) {
        const schema = z.object({ results: z.array(importResultSchema) })
        const question = { method: 'POST', body: batch } as const
        const { body } = await ask(schema, coreOf(place), token, ['v1', 'devices', 'import'], question)
        results.push(...body.results)
      }
      const out = outputOf(command)
      const count = (status: Result['status']) => results.filter((one) => one.status === status).length
      out.answer(results, () => {
        const failed = results.filter((one) => one.status === 'failed')
        return [
          `${count('created')} created, ${count('updated')} updated, ${count('unchanged')} unchanged, ${failed.length} failed`,
          ...failed.map(({ id, problem = '' }) => `${id}: ${problem}`),
        ].join('\n')
      })
      if (count('failed') > 0) throw new Failure(Exit.Failed, `${count('failed')} were not imported`)
    })
}

function linesOf<S extends z.ZodType>(text: string, schema: S, file: string): z.infer<S>[] {
  return text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return []
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw new Failure(Exit.Usage, `${file}:${at + 1} is not JSON`, { cause })
    }
    const parsed = schema.safeParse(value)
    if (parsed.success) return [parsed.data]
    const [issue] = parsed.error.issues
    throw new Failure(Exit.Usage, `${file}:${at + 1} ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
  })
}

/** Writes the secrets to disk before the core gets their hashes. */
async function withSecrets(lines: readonly Line[], file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return ''
    throw new Failure(Exit.Usage, `${file} cannot be read (${cause.code})`, { cause })
  })
  const kept = new Map(linesOf(text, keptSchema, file).map(({ id, secret }) => [id, secret]))
  const fresh: string[] = []
  const ready = lines.map((line) => {
    if (line.secret !== undefined) return line
    let secret = kept.get(line.id)
    if (secret === undefined) {
      secret = newSecret('credential').secret
      kept.set(line.id, secret)
      fresh.push(`${JSON.stringify({ id: line.id, secret })}\n`)
    }
    return { ...line, secret }
  })
  if (fresh.length > 0) await appendFile(file, fresh.join(''), { mode: 0o600 })
  return ready
}

function* batches(lines: readonly Line[]): Generator<Line[]> {
  let batch: Line[] = []
  let characters = 0
  for (const line of lines) {
    const length = JSON.stringify(line).length
    if (batch.length >= BATCH || (batch.length > 0 && characters + length > BATCH_CHARACTERS_MAX)) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(line)
    characters += length
  }
  if (batch.length > 0) yield batch
}
