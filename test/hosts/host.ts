// What a host gives to the suite so that the suite can try it. A host joins with one file that makes this of it.

/** What a host may lack, because it is a fake or because it is not such a host. */
export type Ability =
  /** What was written but not made durable is lost with the process; what was sent has its writes behind it. */
  | 'output gate'
  /** An alarm that failed, or whose process died meanwhile, goes off again. */
  | 'alarm again'
  /** An actor without events leaves memory by itself, unless a timer is running. */
  | 'idle actors leave memory'
  /** The client sees the code and the reason of a close. */
  | 'close codes'
  /** Calls of one event are counted: workerd on a laptop counts none. */
  | 'subrequests'
  /** The end of its actor fails the calls to it that are under way. */
  | 'calls fail with their actor'

export interface HostUnderTest {
  readonly name: string
  readonly lacks: readonly Ability[]
  open(): Promise<RunningHost>
}

/** A client's end of a connection to a probe. */
export interface ProbeSocket {
  send(text: string): void
  /** What came, in order. */
  readonly frames: readonly string[]
  /** How the server ended it; null while it stands. */
  readonly closed: { readonly code: number; readonly reason: string } | null
  close(): void
}

export interface RunningHost {
  /** Asks the probe of this name; see Probe. */
  ask(actor: string, method: string, ...parameters: unknown[]): Promise<unknown>
  connect(actor: string): Promise<ProbeSocket>
  /** Time passes, real or not. */
  pass(ms: number): Promise<void>
  /** kill -9 of the process with all its actors; when it returns the next process serves. */
  kill(): Promise<void>
  /** As `kill`, at any moment soon, such as between two writes of this actor. */
  killSoon(actor: string): Promise<void>
  /** So long without events that idle actors have left memory. Their connections stay. */
  hibernate(): Promise<void>
  /** Whether storage has no room for a write. */
  fill(full: boolean): Promise<void>
  /** What actors reported, as text. */
  reports(): readonly string[]
  close(): Promise<void>
}
