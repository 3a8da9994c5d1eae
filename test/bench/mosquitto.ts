import { access, constants, open, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { type Absent, brokerRoute, type StartContext, type System } from './system.ts'
import { listens } from './wait.ts'

const HOST = '127.0.0.1'
/** Debian and Homebrew put it where a user's PATH may not lead. */
const OTHER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']

export async function startMosquitto(context: StartContext): Promise<System | Absent> {
  const command = await find('mosquitto')
  if (command === undefined) return { absent: 'mosquitto is not installed' }

  const [plainPort, port] = [await freePort(), await freePort()]
  const settings = join(context.scratch, 'mosquitto.conf')
  await writeFile(settings, configuration(plainPort, port, context.window))
  const log = await open(join(context.reports, 'bench-mosquitto.log'), 'w')
  const { process, ended } = context.children.start(command, ['-c', settings], {
    stdio: ['ignore', log.fd, log.fd],
  })
  await log.close()
  if (!(await listens(HOST, port, ended))) return { absent: 'this mosquitto does not start with WebSockets' }
  return {
    routes: [brokerRoute('mosquitto', `ws://${HOST}:${port}/mqtt`)],
    serverPids: [process.pid ?? 0],
    passwords: async () => ({}),
  }
}

function configuration(plainPort: number, port: number, window: number): string {
  return [
    'allow_anonymous true',
    'persistence false',
    'set_tcp_nodelay true',
    'log_dest stderr',
    'log_type error',
    'log_type warning',
    // Its default, 20, unless the window asks for more. A queue without bounds, so that none of QoS 1 is dropped.
    `max_inflight_messages ${Math.max(20, window)}`,
    'max_queued_messages 0',
    // A WebSocket listener alone would be bound to every address of the machine: `socket_domain` narrows it only
    // beside a plain one.
    `listener ${plainPort} ${HOST}`,
    'socket_domain ipv4',
    `listener ${port} ${HOST}`,
    'protocol websockets',
    'socket_domain ipv4',
    '',
  ].join('\n')
}

async function find(command: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...OTHER_FOLDERS]) {
    const path = join(folder, command)
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  return undefined
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, HOST, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
