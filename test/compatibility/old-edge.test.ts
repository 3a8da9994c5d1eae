// The previous release's edge under today's core: how a deployment runs while its core is rolled out first.
import { describeShare } from './share.ts'

describeShare('the old edge under the new core', 'old-edge')
