// The schema of a TopicActor: it is a leaf and nothing else.
import { LEAF_1, LEAF_TABLES, LEAF_WAKES } from '../leaf/schema.ts'
import { schemaOf } from '../storage/schema.ts'

export const TOPIC_SCHEMA = schemaOf(LEAF_WAKES, [LEAF_1], [LEAF_TABLES])
