// Tells the directory which regions want a root's messages: once for all changes of a moment.
import type { Root } from '../../src/id/ids.ts'
import { INTEREST_SYNC_DELAY_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { Home } from './home.ts'
import type { Interests } from './interests.ts'

export class InterestNews {
  private readonly platform: Platform
  private readonly root: Root
  private readonly home: Home
  private readonly interests: Interests
  private planned = false

  constructor(platform: Platform, root: Root, home: Home, interests: Interests) {
    this.platform = platform
    this.root = root
    this.home = home
    this.interests = interests
  }

  plan(): void {
    if (this.planned) return
    this.planned = true
    this.platform.after(INTEREST_SYNC_DELAY_MS, () => {
      this.planned = false
      const home = this.home.knowledge
      if (home.at !== 'here') return
      const { root, platform } = this
      const { fleet } = platform
      const version = this.home.countInterests()
      const regions = this.interests.all.map(({ region }) => region)
      platform.core
        .interests({ fleet, root, epoch: home.epoch, version, regions })
        .catch((cause) => platform.report(`the interests of ${root} are not synced`, cause))
    })
  }
}
