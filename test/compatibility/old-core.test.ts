// The previous release's core under today's edge: how a deployment runs while its edges are rolled out first.
import { describeShare } from './share.ts'

describeShare('the old core under the new edge', 'old-core')
