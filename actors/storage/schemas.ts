// The schema of each actor class, for the hosts.
import type { ActorKind } from '../../src/id/actor-name.ts'
import { DEVICE_SCHEMA } from '../device/schema.ts'
import { TOPIC_SCHEMA } from '../topic/schema.ts'
import { UPLINK_SCHEMA } from '../uplink/schema.ts'
import { WIDE_SCHEMA } from '../wide/schema.ts'
import { type Schema, schemaOf } from './schema.ts'

export const SCHEMAS: Readonly<Record<ActorKind, Schema>> = {
  device: DEVICE_SCHEMA,
  topic: TOPIC_SCHEMA,
  uplink: UPLINK_SCHEMA,
  wide: WIDE_SCHEMA,
  // A FrontActor stores nothing.
  front: schemaOf([], []),
}
