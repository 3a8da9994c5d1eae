// A leaf's knowledge of its home, as `explain` shows it.
import type { LeafFacts } from '../../src/relay/explain.ts'
import type { Home } from '../leaf/home/home.ts'

export function homeFacts({ knowledge }: Home): LeafFacts['home'] {
  return {
    at: knowledge.at,
    region: knowledge.at === 'elsewhere' ? knowledge.region : null,
    epoch: knowledge.at === 'unknown' ? 0 : knowledge.epoch,
  }
}
