// The topics that no client may publish to, whatever its rights.
import { isPresence, isRootTooLong, rootOfTopic } from '../id/root.ts'
import { canonicalTopic, isShadowTopic, parseShadowRequest } from '../id/shadow-topic.ts'
import { Reason, type ReasonCode } from '../mqtt/reason.ts'

/** Why nobody may publish to this topic, or null. */
export function refusal(topic: string): ReasonCode | null {
  const canonical = canonicalTopic(topic)
  // The server's own. [MQTT-4.7.2-1]
  if (canonical.startsWith('$') || isPresence(canonical) || canonical === 'presence')
    return Reason.NotAuthorized
  // Clients publish requests to a shadow; its other topics are the server's answers.
  if (isShadowTopic(canonical) && parseShadowRequest(canonical) === null) return Reason.NotAuthorized
  return isRootTooLong(rootOfTopic(topic)) ? Reason.TopicNameInvalid : null
}
