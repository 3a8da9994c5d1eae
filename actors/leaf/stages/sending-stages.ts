// The stages that send a message on from the home: to this region's subscribers, to interested regions, to one member of
// each group, and to the wide filters.
import type { Root } from '../../../src/id/ids.ts'
import { isPresence } from '../../../src/id/root.ts'
import { encodeRouted } from '../../../src/relay/routed.ts'
import type { LocalDelivery } from '../delivery/local-delivery.ts'
import type { Sharing } from '../delivery/sharing.ts'
import type { Interests } from '../interest/interests.ts'
import type { Uplinks } from '../links/uplinks.ts'
import type { WideLink } from '../links/wide-link.ts'
import type { Stage } from './stage.ts'

export function subscribersStage(local: LocalDelivery, interests: Interests): Stage {
  return {
    accept: ({ publisher, message, record }) => ({
      outcomes: local.deliver(publisher, message, record, interests.regions),
    }),
  }
}

/** One envelope to each other region with a subscriber. */
export function regionsStage(root: Root, interests: Interests, uplinks: Uplinks): Stage {
  return {
    accept: ({ publisher, record, epoch }) => ({
      outcomes: interests.regions.map((region) =>
        uplinks.post(root, { kind: 'region', region, epoch }, encodeRouted(publisher, record)),
      ),
    }),
  }
}

export function sharingStage(sharing: Sharing): Stage {
  return {
    accept: ({ publisher, message, record }) => ({
      outcomes: sharing
        .matching(message.topic)
        .map((share) => sharing.give(publisher, record, { share, mode: 'choose', without: [] })),
    }),
  }
}

export function wideStage(wide: WideLink): Stage {
  return {
    accept: ({ publisher, message, record }) => {
      const outcome = wide.pass(publisher, record, isPresence(message.topic))
      return outcome === null ? null : { outcomes: [outcome] }
    },
  }
}
