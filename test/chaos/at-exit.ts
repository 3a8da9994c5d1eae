// However this process ends, nothing that it started lives on, and nothing stays mounted.

const works: (() => void)[] = []

/** Works are done in the order in which they were given. */
export function atExit(work: () => void): void {
  if (works.length === 0)
    process.once('exit', () => {
      for (const one of works) one()
    })
  works.push(work)
}
