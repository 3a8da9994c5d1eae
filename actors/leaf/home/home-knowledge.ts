// What a leaf tells the rest of its actor about its root's home.
import type { RegionId } from '../../../src/id/ids.ts'
import type { KnownHome } from './home-state.ts'

export type HomeKnowledge =
  | { readonly at: 'unknown' }
  | { readonly at: 'here'; readonly epoch: number }
  | { readonly at: 'elsewhere'; readonly region: RegionId; readonly epoch: number }

export type HomeHere = Extract<HomeKnowledge, { at: 'here' }>

export function knowledgeOf(known: KnownHome): HomeKnowledge {
  if (known.is === 'unknown') return { at: 'unknown' }
  if (known.is === 'elsewhere') return { at: 'elsewhere', region: known.region, epoch: known.epoch }
  return { at: 'here', epoch: known.epoch }
}
