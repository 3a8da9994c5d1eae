// A light check of Mermaid drawings, of the parts of its language that the pages use: what it does not know is a fault.
// The package `mermaid` would parse all of it, but needs a browser's document and brings 70 MB.

const NODE = String.raw`\w+(?:@\{[^}]*\})?(?:\[\[?"?[^\[\]]*"?\]?\]|\(\[?"?[^()]*"?\]?\)|\[\("?[^()]*"?\)\]|\{"?[^{}]*"?\}|>[^\]]*\])?(?::::\w+)?`
const ARROW = String.raw`(?:-->|---|-\.->|==>|<-->|--x|--o)(?:\|[^|]*\|)?|(?:--|-\.|==|<--) "?[^"|]*?"? (?:-->|\.->|==>|---)`
const NODES = String.raw`${NODE}(?:\s*&\s*${NODE})*`
const FLOW = new RegExp(String.raw`^${NODES}(?:\s*(?:${ARROW})\s*${NODES})*$`)
const SEQUENCE_ARROW = /^(\w+)\s*(?:-->>|->>|-->|->|-x|--x|-\)|--\))\s*[+-]?(\w+)\s*:\s*\S.*$/

/** What is wrong with a drawing, as sentences. */
export function mermaidFaults(text: string): string[] {
  const [first = '', ...lines] = text.split('\n').map((line) => line.trim())
  const body = lines.filter((line) => line !== '' && !line.startsWith('%%'))
  if (/^(?:flowchart|graph) (?:TB|TD|BT|LR|RL)$/.test(first)) return flowFaults(body)
  if (first === 'sequenceDiagram') return sequenceFaults(body)
  if (/^stateDiagram-v2$/.test(first)) return stateFaults(body)
  return [`no drawing that this check knows: ${first}`]
}

function flowFaults(lines: readonly string[]): string[] {
  const faults: string[] = []
  let open = 0
  for (const line of lines) {
    if (/^subgraph \w+(?: ?\[.*\])?$/.test(line)) open++
    else if (line === 'end') open--
    else if (
      /^(?:direction (?:TB|TD|LR|RL|BT)|classDef \w+ \S.*|class [\w,]+ \w+|style \w+ \S.*)$/.test(line)
    )
      continue
    else if (!FLOW.test(line)) faults.push(`not a line of a flowchart: ${line}`)
    if (open < 0) faults.push('an end too many')
  }
  return open > 0 ? [...faults, 'a subgraph without its end'] : faults
}

function sequenceFaults(lines: readonly string[]): string[] {
  const faults: string[] = []
  const known = new Set<string>()
  let open = 0
  for (const line of lines) {
    const [, named] = /^(?:participant|actor) (\w+)(?: as \S.*)?$/.exec(line) ?? []
    if (named !== undefined) {
      known.add(named)
      continue
    }
    if (/^(?:alt|opt|loop|par|critical|break|rect|box)\b/.test(line)) open++
    else if (line === 'end') open--
    else if (/^(?:else|and|option)\b/.test(line) || /^(?:autonumber|(?:de)?activate \w+)$/.test(line))
      continue
    else {
      const [, over] = /^Note (?:over|right of|left of) (\w+(?:,\w+)?):\s*\S.*$/.exec(line) ?? []
      const [, from, to] = SEQUENCE_ARROW.exec(line) ?? []
      const names = over?.split(',') ?? (from === undefined ? [] : [from, to ?? ''])
      if (names.length === 0) faults.push(`not a line of a sequence: ${line}`)
      for (const name of names.filter((one) => !known.has(one)))
        faults.push(`no participant ${name}: ${line}`)
    }
    if (line.includes(';')) faults.push(`a semicolon ends the line: ${line}`)
    if (open < 0) faults.push('an end too many')
  }
  return open > 0 ? [...faults, 'a block without its end'] : faults
}

function stateFaults(lines: readonly string[]): string[] {
  return lines
    .filter(
      (line) =>
        !/^(?:\[\*\]|\w+)\s*-->\s*(?:\[\*\]|\w+)(?:\s*:\s*\S.*)?$/.test(line) &&
        !/^\w+\s*:\s*\S.*$/.test(line),
    )
    .map((line) => `not a line of a state diagram: ${line}`)
}
