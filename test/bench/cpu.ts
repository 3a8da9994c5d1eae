import { readdirSync, readFileSync } from 'node:fs'

// sysconf(_SC_CLK_TCK); every Linux that Node runs on says 100.
const TICK_MICROS = 1_000_000 / 100
/** Fields 14 and 15 of /proc/<pid>/stat, counted from the one after the command's closing bracket. */
const USER_TICKS = 11
const SYSTEM_TICKS = 12

/** CPU time that the processes have used so far, in microseconds; null where there is no /proc, or a process ended. */
export function cpuMicros(pids: readonly number[]): number | null {
  try {
    return pids.reduce((sum, pid) => sum + (scheduledMicros(pid) ?? tickMicros(pid)), 0)
  } catch {
    return null
  }
}

/** In nanoseconds inside, where the kernel keeps it: a tick is too coarse for the few messages of a modest rate. */
function scheduledMicros(pid: number): number | null {
  try {
    const nanos = readdirSync(`/proc/${pid}/task`).map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    )
    return nanos.reduce((sum, of) => sum + of, 0) / 1000
  } catch {
    return null
  }
}

function tickMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * TICK_MICROS
}

export function ownCpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
