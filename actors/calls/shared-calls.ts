// One call for many callers: at most one call is under way for each key. Callers that ask during it share the next call.

interface Turn<T> {
  readonly running: Promise<unknown>
  next: Promise<T> | null
}

export class SharedCalls<T> {
  private readonly turns = new Map<string, Turn<T>>()

  /** Settles like a call that begins now or later. @param call the same for all callers with this key */
  ask(key: string, call: () => Promise<T>): Promise<T> {
    const turn = this.turns.get(key)
    if (turn === undefined) return this.begin(key, call)
    turn.next ??= turn.running.then(() => this.begin(key, call))
    return turn.next
  }

  private begin(key: string, call: () => Promise<T>): Promise<T> {
    const made = call()
    const end = () => {
      if (turn.next === null) this.turns.delete(key)
    }
    const turn: Turn<T> = { running: made.then(end, end), next: null }
    this.turns.set(key, turn)
    return made
  }
}
