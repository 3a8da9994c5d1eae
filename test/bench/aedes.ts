import { join } from 'node:path'
import { type Absent, brokerRoute, type StartContext, type System } from './system.ts'

export async function startAedes({ children }: StartContext): Promise<System | Absent> {
  try {
    import.meta.resolve('aedes')
  } catch {
    return { absent: 'aedes is not installed' }
  }
  const server = children.start(process.execPath, [join(import.meta.dirname, 'aedes-server.ts')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const url = await Promise.race([
    new Promise<string>((resolve) => server.process.once('message', (message: string) => resolve(message))),
    server.ended.then((code) => {
      throw new Error(`aedes ended with ${code} while starting`)
    }),
  ])
  return {
    routes: [brokerRoute('aedes', url)],
    serverPids: [server.process.pid ?? 0],
    passwords: async () => ({}),
  }
}
