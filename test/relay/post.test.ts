// The HTTP call between edge and core, where connections break.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { postRelay } from '../../src/relay/post.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** Breaks the connections of its first calls, and answers the later ones with what they sent. */
async function breaking(
  first: number,
  called: () => void = () => undefined,
): Promise<{ readonly url: string; readonly calls: () => number }> {
  let calls = 0
  const serving = createServer((request, response) => {
    called()
    if (++calls > first) request.pipe(response)
    else request.socket.destroy()
  })
  server = serving
  await new Promise<void>((done) => serving.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(serving.address() as AddressInfo).port}/`
  return { url, calls: () => calls }
}

const request = (signal = AbortSignal.timeout(5_000)) => ({ headers: {}, body: { n: 1 }, signal })

test('a call whose connection breaks before the answer is tried again', async () => {
  const { url } = await breaking(2)
  const response = await postRelay(url, request())
  expect(await response.json()).toEqual({ n: 1 })
})

test('a call that is never answered is given up after three tries', async () => {
  const { url, calls } = await breaking(Number.POSITIVE_INFINITY)
  await expect(postRelay(url, request())).rejects.toThrow()
  expect(calls()).toBe(3)
})

test('once the time is over it is not tried again', async () => {
  const over = new AbortController()
  const { url, calls } = await breaking(Number.POSITIVE_INFINITY, () => over.abort())
  await expect(postRelay(url, request(over.signal))).rejects.toThrow()
  expect(calls()).toBe(1)
})
