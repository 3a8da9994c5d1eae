// Calls that many want to make at once: one at a time for each key. Whoever asks while it is under way shares the next one,
// which begins after all of them have asked.

interface Turn<T> {
  readonly running: Promise<unknown>
  next: Promise<T> | null
}

export class Together<T> {
  private readonly turns = new Map<string, Turn<T>>()

  /** Resolves or rejects as a call that began after this one. @param call the same for all with this key */
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
