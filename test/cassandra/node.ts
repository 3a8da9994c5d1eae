// Starts and stops one real Cassandra node for tests, without Docker.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveJars } from './jars.ts'
import {
  javaArguments,
  logFile,
  type NodeSettings,
  pidFile,
  processMark,
  writeConfiguration,
} from './node-config.ts'

/** Starts the node if it is not running, and returns its pid once it takes requests. */
export async function startNode(node: NodeSettings, java: string, jarsFolder: string): Promise<number> {
  const jars = await resolveJars(jarsFolder)
  const running = runningPid(node)
  const child = running === null ? spawnNode(node, java, jars) : null
  const pid = running ?? child?.pid
  if (pid === undefined) throw new Error(`could not run ${java}`)
  const deadline = Date.now() + node.startMs
  while (!(await answersCql(node.host, node.port))) {
    if (hasEnded(child, pid)) {
      rmSync(pidFile(node), { force: true })
      throw new Error(`Cassandra ended while it started${lastWords(node)}`)
    }
    if (Date.now() > deadline) {
      await stopNode(node, 'SIGKILL')
      throw new Error(`Cassandra did not answer within ${node.startMs} ms${lastWords(node)}`)
    }
    await sleep(100)
  }
  return pid
}

/** Ends the node; SIGKILL is a crash. Its files stay. False if it was not running. */
export async function stopNode(node: NodeSettings, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  const pid = runningPid(node)
  if (pid !== null) {
    process.kill(pid, signal)
    const deadline = Date.now() + 20_000
    while (runningPid(node) !== null) {
      if (Date.now() > deadline) process.kill(pid, 'SIGKILL')
      await sleep(50)
    }
  }
  rmSync(pidFile(node), { force: true })
  return pid !== null
}

export function runningPid(node: NodeSettings): number | null {
  let pid: number
  try {
    pid = Number(readFileSync(pidFile(node), 'utf8'))
  } catch {
    return null
  }
  return pid > 1 && isAlive(pid) && commandLine(pid).includes(processMark(node.home)) ? pid : null
}

/** Two ports that were free a moment ago. */
export async function freePorts(host: string): Promise<[number, number]> {
  const first = await listen(host)
  const second = await listen(host)
  const ports: [number, number] = [portOf(first), portOf(second)]
  first.close()
  second.close()
  return ports
}

function spawnNode(node: NodeSettings, java: string, jars: readonly string[]): ChildProcess {
  writeConfiguration(node)
  const output = openSync(logFile(node, 'stdout.log'), 'w')
  // Detached, so that an interrupt from the terminal does not end it in the middle of a test's clean-up.
  const child = spawn(java, javaArguments(node, jars), {
    cwd: node.home,
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  child.on('error', () => {})
  child.unref()
  if (child.pid !== undefined) writeFileSync(pidFile(node), String(child.pid))
  return child
}

function hasEnded(child: ChildProcess | null, pid: number): boolean {
  return child === null ? !isAlive(pid) : child.exitCode !== null || child.signalCode !== null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    // Not Linux, or gone.
  }
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

/** Whether the port answers a CQL OPTIONS frame with SUPPORTED: then it is Cassandra, and ready. */
function answersCql(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('connect', () => socket.write(Buffer.from([0x04, 0, 0, 0, 0x05, 0, 0, 0, 0])))
    socket.once('data', (frame) => end(frame[0] === 0x84 && frame[4] === 0x06))
  })
}

function lastWords(node: NodeSettings): string {
  const tail = (file: string) => {
    try {
      return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-25).join('\n')
    } catch {
      return ''
    }
  }
  return `\n${tail(logFile(node, 'system.log'))}\n${tail(logFile(node, 'stdout.log'))}`
}

function listen(host: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(0, host, () => resolve(server))
  })
}

function portOf(server: net.Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
  return address.port
}
