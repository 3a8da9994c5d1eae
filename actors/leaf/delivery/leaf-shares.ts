// Members of shared subscriptions in other regions, for a leaf: the home knows them all, other leaves pass the turn to the home.
import type { Root } from '../../../src/id/ids.ts'
import { encodeRouted } from '../../../src/relay/routed.ts'
import type { HomeKnowledge } from '../home/home-knowledge.ts'
import type { Interests } from '../interest/interests.ts'
import type { Uplinks } from '../links/uplinks.ts'
import type { ShareRegions } from './sharing.ts'

export function leafShares(
  root: Root,
  home: () => HomeKnowledge,
  interests: Interests,
  uplinks: () => Uplinks,
): ShareRegions {
  return {
    shares: () => interests.shares,
    having: (share) => (home().at === 'here' ? interests.having(share) : []),
    chooses: () => home().at === 'here',
    pass: (to, publisher, record, turn) => {
      const known = home()
      const epoch = known.at === 'here' ? known.epoch : 0
      const destination =
        to === 'home' ? ({ kind: 'home' } as const) : ({ kind: 'region', region: to, epoch } as const)
      return uplinks().post(root, destination, encodeRouted(publisher, record, turn))
    },
  }
}
