// Numbers of a JSON text that JavaScript cannot hold. JSON.parse would round them, or make Infinity of them, without a word.

/** Most texts have no number that is long or has an exponent, and are not read again. */
const SUSPICIOUS = /\d{16}|\d[eE]/
const NUMBER = /-?\d[\d.eE+-]*/y
const SPACES_AND_COLON = /\s*:/y

/**
 * Where the first such number stands, as a path: `state.desired.n`. Null for none; '' if the whole text is the number.
 * @param text valid JSON
 */
export function inexactNumber(text: string): string | null {
  if (!SUSPICIOUS.test(text)) return null
  /** The key or index within each open object or array. */
  const path: (string | number)[] = []
  for (let at = 0; at < text.length; ) {
    const character = text[at] as string
    if (character === '"') {
      const end = endOfString(text, at)
      SPACES_AND_COLON.lastIndex = end
      if (SPACES_AND_COLON.test(text)) path[path.length - 1] = JSON.parse(text.slice(at, end)) as string
      at = end
      continue
    }
    NUMBER.lastIndex = at
    const number = NUMBER.exec(text)?.[0]
    if (number !== undefined) {
      if (!isExact(number)) return path.join('.')
      at += number.length
      continue
    }
    if (character === '{') path.push('')
    else if (character === '[') path.push(0)
    else if (character === '}' || character === ']') path.pop()
    else if (character === ',') {
      const last = path.at(-1)
      if (typeof last === 'number') path[path.length - 1] = last + 1
    }
    at++
  }
  return null
}

/** Fractions may be rounded, as everywhere in JSON. An integer may not, since it may be an id or a counter. */
function isExact(number: string): boolean {
  const value = Number(number)
  if (!Number.isFinite(value)) return false
  if (/^-?\d+$/.test(number)) return Number.isSafeInteger(value) || BigInt(number) === BigInt(value)
  return value !== 0 || !/^[^eE]*[1-9]/.test(number)
}

function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return text.length
}
