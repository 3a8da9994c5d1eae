// Ends commands that run until they are stopped: by Ctrl-C, SIGTERM, or a closed stdout.

/** Aborted when the command shall end: it disconnects and exits with 0. A second signal ends it at once. */
export function stopping(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => controller.abort())
  process.stdout.once('close', () => controller.abort())
  return controller.signal
}
