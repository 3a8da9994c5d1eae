// Claims a home whose former home's state may come in pages: stages each until the last one.
import type { ClaimRequest } from '../../../src/relay/home.ts'
import type { HomeAnswer } from '../../../src/relay/home-answer.ts'
import { stateByOurClock } from '../../calls/other-clock.ts'
import type { Platform } from '../../platform.ts'
import type { StagedState } from '../handover/staged-state.ts'
import type { ImportedState } from '../leaf-part.ts'

export type Claimed =
  /** A page was copied. Nothing is claimed yet: the former home serves. */
  | { readonly is: 'copied'; readonly home: HomeAnswer }
  /** @see ClaimResponse */
  | {
      readonly is: 'claimed'
      readonly home: HomeAnswer
      readonly state: ImportedState | null
      readonly synced: boolean
    }

/** @param accept throws if an answer is older than what is known here */
export async function claimInPages(
  platform: Platform,
  staged: StagedState,
  asked: Omit<ClaimRequest, 'pages'>,
  accept: (home: HomeAnswer) => void,
): Promise<Claimed> {
  for (;;) {
    const answered = await platform.core.claim({ ...asked, pages: staged.place })
    const { home, synced, page } = answered
    accept(home)
    const state = answered.state && stateByOurClock(answered.state, platform.now())
    const copied = home.region !== platform.region
    if (state === null || page === undefined || (page.next === null && !copied))
      return { is: 'claimed', home, state: state && staged.completedBy(state, page), synced }
    staged.add(state, page)
    if (copied) return { is: 'copied', home }
  }
}
