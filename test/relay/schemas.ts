// Every schema that src/relay exports, by name; so a new one cannot be left out of the tests.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

const FOLDER = path.join(import.meta.dirname, '../../src/relay')

export async function relaySchemas(): Promise<ReadonlyMap<string, z.ZodType>> {
  const schemas = new Map<string, z.ZodType>()
  for (const file of readdirSync(FOLDER).sort()) {
    if (!file.endsWith('.ts')) continue
    const exported: Record<string, unknown> = await import(path.join(FOLDER, file))
    for (const [name, value] of Object.entries(exported)) {
      if (value instanceof z.ZodType) schemas.set(name, value)
    }
  }
  return schemas
}
