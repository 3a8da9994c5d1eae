// The stages that store a message at the home: as the topic's retained message, and in the history of chosen topics.
import type { ClientId } from '../../../src/id/ids.ts'
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import type { WideLink } from '../links/wide-link.ts'
import type { StoreSync } from '../sync/store-sync.ts'
import type { History } from './history.ts'
import type { Retained } from './retained.ts'
import type { Stage } from './stage.ts'

/** Refuses what the history has no room for: else subscribers would get a message that the history never has. */
export function historyBoundStage(history: History): Stage {
  return {
    accept: ({ message, applied }) =>
      !applied && history.refuses(message) ? { refused: Reason.QuotaExceeded } : null,
  }
}

/**
 * Retains a message with the RETAIN flag. [MQTT-3.3.1-5]
 * @param owner the device that the root belongs to; null for the root of other topics
 */
export function retainedStage(
  retained: Retained,
  sync: StoreSync,
  wide: WideLink,
  owner: ClientId | null,
): Stage {
  return {
    accept: ({ publisher, message, epoch, applied }) => {
      if (!message.retain || applied) return null
      // A former home has retained it, and may have retained a newer one since.
      if (message.acknowledged !== 'again') {
        const outcome = retained.keep(message, epoch, owner !== null && publisher !== owner)
        if (outcome !== Reason.Success) return { refused: outcome }
      }
      const outcomes = [Promise.resolve<Outcome>(Outcome.Stored), wide.index()]
      if (message.global) outcomes.push(sync.outcome('retained', message.topic))
      return { outcomes }
    },
  }
}

/** Numbers a message of a chosen topic and adds it to the history: subscribers see its number. */
export function historyStage(history: History, sync: StoreSync): Stage {
  return {
    accept: ({ publisher, message, record, epoch }) => {
      const keeping = history.keep(publisher, message, record, epoch)
      if (keeping === null) return null
      const { kept, stored } = keeping
      const outcomes: Promise<Outcome>[] = []
      if (stored !== null) outcomes.push(stored.then(() => Outcome.Stored))
      if (message.global) outcomes.push(sync.outcome('history', kept.number))
      return { message: { ...message, kept }, outcomes }
    },
  }
}
