// Every fuzz property of the project.
import { CODEC } from './codec.ts'
import { FRAMES } from './frames.ts'
import type { Fuzz } from './fuzz.ts'
import { GARBAGE } from './garbage.ts'
import { RECORDS } from './records.ts'
import { SESSION } from './session.ts'
import { TOPICS } from './topics.ts'

export const PROPERTIES: readonly Fuzz[] = [
  ...CODEC,
  ...FRAMES,
  ...GARBAGE,
  ...TOPICS,
  ...RECORDS,
  ...SESSION,
]
