// The command's exit codes, and the failures that the user sees without a stack.

/** Stable, for scripts; docs/cli.md lists them. */
export const Exit = {
  Fine: 0,
  /** Refused or failed. */
  Failed: 1,
  /** The arguments or the settings are wrong; nothing was asked. */
  Usage: 2,
  NotFound: 3,
  /** No token, one that is not valid, or one that may not do this. */
  NotAuthorized: 4,
  /** The edge, the core or the home cannot be reached: worth another try. */
  Unreachable: 5,
  Timeout: 6,
  /** Another change was faster: the version differs. */
  Conflict: 7,
} as const
export type Exit = (typeof Exit)[keyof typeof Exit]

/** Ends the command: the message on stderr, the code for scripts. */
export class Failure extends Error {
  readonly exit: Exit

  constructor(exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Failure'
    this.exit = exit
  }
}

/** The exit code for the HTTP status of a refusal. */
export function exitOfStatus(status: number): Exit {
  switch (status) {
    case 401:
    case 403:
      return Exit.NotAuthorized
    case 404:
    case 410:
      return Exit.NotFound
    case 408:
    case 504:
      return Exit.Timeout
    case 409:
    case 412:
      return Exit.Conflict
    case 502:
    case 503:
      return Exit.Unreachable
    default:
      return Exit.Failed
  }
}
