// Commands that go on until they are stopped: by Ctrl-C, by SIGTERM, or by a reader of stdout that has gone away.

/** Aborted when the command is to end; it then says goodbye and ends with 0. A second signal ends it at once. */
export function stopping(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => controller.abort())
  process.stdout.once('close', () => controller.abort())
  return controller.signal
}
