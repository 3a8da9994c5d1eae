// Virtual time: what is due runs one event at a time, each after all that the one before it brought about.

/** Where an event happens. While the place or one around it is frozen, its events wait. */
export interface Place {
  readonly around: Place | null
  frozen: boolean
  readonly held: Task[]
}

export interface Task {
  readonly at: number
  readonly order: number
  readonly place: Place | null
  /** Null once it has run or was cancelled. */
  run: (() => void) | null
}

/** 2026-01-01, so that times look like times. */
export const BEGINNING = Date.UTC(2026, 0, 1)

export class Scheduler {
  events = 0
  private time = BEGINNING
  private order = 0
  private readonly heap: Task[] = []

  /** Milliseconds; fractions tell the order of what happens within one. */
  get exact(): number {
    return this.time
  }

  get now(): number {
    return Math.floor(this.time)
  }

  after(ms: number, place: Place | null, run: () => void): Task {
    return this.at(this.time + Math.max(0, ms), place, run)
  }

  at(at: number, place: Place | null, run: () => void): Task {
    const task: Task = { at: Math.max(at, this.time), order: this.order++, place, run }
    this.push(task)
    return task
  }

  /** A place goes on: what waited there is overdue, and runs now in its old order. */
  thaw(place: Place): void {
    place.frozen = false
    for (const task of place.held.splice(0)) this.push(task)
  }

  /**
   * Runs what is due until then. The queue of microtasks is empty before Node comes to an immediate.
   * @param ended called after each event and all that it brought about
   */
  async run(until: number, ended: () => void): Promise<void> {
    for (let task = this.heap[0]; task !== undefined && task.at <= until; task = this.heap[0]) {
      this.pop()
      if (task.run === null) continue
      this.time = Math.max(this.time, task.at)
      const place = frozenAround(task.place)
      if (place !== null) {
        place.held.push(task)
        continue
      }
      const { run } = task
      task.run = null
      this.events++
      run()
      await new Promise((done) => setImmediate(done))
      ended()
    }
    this.time = until
  }

  private push(task: Task): void {
    const { heap } = this
    let i = heap.push(task) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(task, heap[parent] as Task)) break
      heap[i] = heap[parent] as Task
      i = parent
    }
    heap[i] = task
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let child = i * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Task, heap[child] as Task)) child++
      if (!before(heap[child] as Task, last)) break
      heap[i] = heap[child] as Task
      i = child
    }
    heap[i] = last
  }
}

function before(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function frozenAround(place: Place | null): Place | null {
  for (let one = place; one !== null; one = one.around) if (one.frozen) return one
  return null
}
