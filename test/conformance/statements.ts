// What a list of numbered normative statements is made of, and how its lines are read.
export type Concerns = 'server' | 'client' | 'both'

export interface Statement {
  readonly id: string
  readonly concerns: Concerns
  readonly says: string
}

const LINE = /^(\d+\.\d+\.\d+-\d+) (server|client|both) (\S.*)$/

/** One statement a line: its number without `MQTT-`, whom it concerns, and what it says in our words. */
export function statements(lines: string): readonly Statement[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const match = LINE.exec(line)
      if (match === null) throw new Error(`not a statement: ${line}`)
      return { id: match[1] as string, concerns: match[2] as Concerns, says: match[3] as string }
    })
}

/** `both` where a client must keep the rule and a server must notice when it does not. */
export const ofServer = (statement: Statement): boolean => statement.concerns !== 'client'
