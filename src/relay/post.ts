// One call between edge and core over HTTP. Every call of the contract may be repeated, and a connection that was kept alive
// may break in the very moment in which it is used again (a busy server closes what it takes to be idle).

const RETRY_MS: readonly number[] = [20, 200]

/** @returns the response, whatever its status; rejects where there was none, tries over */
export async function postRelay(
  url: string,
  { headers, body, signal }: { headers: Record<string, string>; body: unknown; signal: AbortSignal },
): Promise<Response> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal,
  }
  for (const pause of RETRY_MS) {
    try {
      return await fetch(url, request)
    } catch (cause) {
      if (signal.aborted) throw cause
      await new Promise((done) => {
        setTimeout(done, pause)
      })
    }
  }
  return fetch(url, request)
}
