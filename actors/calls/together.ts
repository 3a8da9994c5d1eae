// One call for many callers: at most one is under way for each key. All who ask meanwhile share the next call, which begins after
// they asked.

interface Turn<T> {
  readonly running: Promise<unknown>
  next: Promise<T> | null
}

export class Together<T> {
  private readonly turns = new Map<string, Turn<T>>()

  /** Settles as a call that begins no earlier than now. @param call the same for all callers with this key */
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
