// The modules of a local run that mixes today's code with one part of the previous release.
import path from 'node:path'
import { PARTS, type Parts } from '../../src/cli/up.ts'
import { type Make, previousRelease } from './release.ts'

export function mixedParts(make: Make): Parts {
  const old = (...names: string[]) => path.join(previousRelease(), ...names)
  if (make === 'old-core') return { ...PARTS, core: old('k8s-core', 'main.ts') }
  if (make === 'old-edge')
    return { ...PARTS, region: old('src', 'cli', 'region-process.ts'), worker: old('actors', 'worker.ts') }
  throw new Error(`${make} is no mixture`)
}
