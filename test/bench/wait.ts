import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const START_WAIT_MS = 10_000
const PROBE_INTERVAL_MS = 50

/** Whether something came to listen there before the process ended, or time ran out. */
export async function listens(host: string, port: number, ended: Promise<unknown>): Promise<boolean> {
  let over = false
  const markOver = (): void => {
    over = true
  }
  ended.then(markOver, markOver)
  const deadline = performance.now() + START_WAIT_MS
  while (!over && performance.now() < deadline) {
    if (await accepts(host, port)) return true
    await sleep(PROBE_INTERVAL_MS)
  }
  return false
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
