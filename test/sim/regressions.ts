// Seeds of runs that once broke a promise, each with what was wrong.

export interface Regression {
  readonly seed: number
  readonly what: string
}

export const REGRESSIONS: readonly Regression[] = [
  { seed: 5, what: 'a device that was first called as a leaf could not be delivered to' },
]
