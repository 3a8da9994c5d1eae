// Why no test proves a statement that concerns a server. Few, and each true.
import type { Reasons } from './table.ts'

export const REASONS: Reasons = {
  '5.0': {},
  '3.1.1': {},
}
