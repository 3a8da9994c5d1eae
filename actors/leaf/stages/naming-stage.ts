// Names a message that may come to a session by two ways: live from a leaf and from a WideActor, or live and as a retained message
// that is read after SUBACK. The session recognises it by its name.
import { isPresence } from '../../../src/id/root.ts'
import type { Platform } from '../../platform.ts'
import type { Subscribers } from '../delivery/subscribers.ts'
import type { Interests } from '../interest/interests.ts'
import type { WideLink } from '../links/wide-link.ts'
import type { Stage } from './stage.ts'

/**
 * A message that can come by one way only stays as it is: a name costs bytes, and a copy of the record.
 * @param retainedUntil up to when somebody may read retained messages page by page
 */
export function namingStage(
  platform: Platform,
  wide: WideLink,
  subscribers: Subscribers,
  interests: Interests,
  retainedUntil: () => number,
): Stage {
  return {
    accept: ({ message }) => {
      const { origin, topic, retain } = message
      const inPages = retain && platform.now() < retainedUntil()
      if (origin !== undefined || !(inPages || wide.mayMatch(isPresence(topic)))) return null
      const isWanted = retain || interests.regions.length > 0 || subscribers.receivers(topic).length > 0
      return isWanted ? { message: { ...message, origin: platform.randomId() } } : null
    },
  }
}
