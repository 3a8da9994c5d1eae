// The resident memory of processes, from /proc.
import { readFileSync, writeFileSync } from 'node:fs'

/** Resident now, of all the processes; null where there is no /proc. */
export function residentBytes(pids: readonly number[]): number | null {
  return sum(pids, /^VmRSS:\s+(\d+)/m)
}

/** The most that was resident since `forgetPeak`, of all the processes; null where there is no /proc. */
export function peakBytes(pids: readonly number[]): number | null {
  return sum(pids, /^VmHWM:\s+(\d+)/m)
}

/** From now on the peak counts anew. */
export function forgetPeak(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function sum(pids: readonly number[], line: RegExp): number | null {
  try {
    const kibibytes = pids.map((pid) => Number(line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]))
    return kibibytes.reduce((all, one) => all + one, 0) * 1024
  } catch {
    return null
  }
}
