// The Worker's log: one JSON line each, as Workers Logs and `wrangler tail` index them.

export function logError(what: string, fields: Record<string, unknown>, cause?: unknown): void {
  const why =
    cause instanceof Error
      ? { error: cause.message, stack: cause.stack }
      : cause == null
        ? {}
        : { error: String(cause) }
  // biome-ignore lint/suspicious/noConsole: the console is a Worker's only log
  console.error(JSON.stringify({ level: 'error', what, ...fields, ...why }))
}
