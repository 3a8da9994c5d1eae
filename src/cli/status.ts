// `starling status`: each edge and the core, whether they serve, and how fast they answer.
import { Command } from 'commander'
import { z } from 'zod'
import { Exit, Failure } from './exit.ts'
import { outputOf } from './output.ts'
import { type Place, placeOf } from './place.ts'

const STATUS_MS = 10_000

const livezSchema = z.object({ regions: z.array(z.string()) })
const readyzSchema = z.object({ store: z.string() })
const problemTextSchema = z.object({ title: z.string(), detail: z.string().optional() })

interface PartStatus {
  readonly part: 'edge' | 'core'
  readonly url: string
  /** The regions that an edge serves. */
  readonly regions?: readonly string[]
  readonly ready: boolean
  /** The core's store does not answer. */
  readonly degraded?: boolean
  /** Why it is not ready, or not wholly. */
  readonly problem?: string
  readonly ms: number
}

export function statusCommand(): Command {
  return new Command('status')
    .description('say of each edge and of the core whether it serves; exit code 5 if one does not')
    .action(async (_options: unknown, command: Command) => {
      const place = await placeOf(command)
      const out = outputOf(command)
      const parts = await partsOf(place)
      out.answer({ ready: parts.every(({ ready }) => ready), parts }, () =>
        out.table(
          ['part', 'regions', 'url', 'state', 'ms'],
          parts.map(({ part, regions = [], url, ready, degraded = false, problem, ms }) => [
            part,
            regions.join(','),
            url,
            ready && !degraded ? out.colors.green('ready') : out.colors.red(problem ?? 'not ready'),
            String(ms),
          ]),
        ),
      )
      const away = parts.filter(({ ready }) => !ready).map(({ part, url }) => `the ${part} at ${url}`)
      if (away.length > 0) throw new Failure(Exit.Unreachable, `not ready: ${away.join(', ')}`)
    })
}

async function partsOf({ edges, core }: Place): Promise<PartStatus[]> {
  return Promise.all([
    ...edges.map(({ http }) => statusOf('edge', http, '/livez')),
    // /readyz includes the store; /livez does not.
    ...(core === null ? [] : [statusOf('core', core, '/readyz')]),
  ])
}

async function statusOf(part: 'edge' | 'core', url: string, path: string): Promise<PartStatus> {
  const began = performance.now()
  const status = (more: Omit<PartStatus, 'part' | 'url' | 'ms'>): PartStatus => ({
    part,
    url,
    ...more,
    ms: Math.round(performance.now() - began),
  })
  try {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(STATUS_MS) })
    const body: unknown = await response.json().catch(() => null)
    if (response.ok) {
      const live = livezSchema.safeParse(body)
      const degraded = readyzSchema.safeParse(body).data?.store === 'away'
      return status({
        ready: true,
        ...(live.success && { regions: live.data.regions }),
        ...(degraded && { degraded, problem: 'degraded: the store does not answer' }),
      })
    }
    const problem = problemTextSchema.safeParse(body)
    return status({
      ready: false,
      problem: problem.success ? problem.data.title : `HTTP status ${response.status}`,
    })
  } catch (cause) {
    const late = cause instanceof Error && cause.name === 'TimeoutError'
    return status({ ready: false, problem: late ? 'no answer' : 'cannot be reached' })
  }
}
