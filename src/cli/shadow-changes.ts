// The changes of `starling shadow set` as a shadow update: from `power=on color.r:=3`, or from a JSON file.
import { isObject, type Json, type JsonObject } from '../shadow/json.ts'
import { Exit, Failure } from './exit.ts'

export type Section = 'desired' | 'reported'
const SECTIONS: readonly string[] = ['desired', 'reported'] satisfies Section[]

/**
 * @param changes `path=text` or `path:=JSON`; a path begins with its section, or is in `section`; `\.` is a dot in a name
 * @returns the `state` of an update
 */
export function patchOf(changes: readonly string[], section: Section): JsonObject {
  let patch: JsonObject = {}
  for (const change of changes) {
    const { path, value } = parseChange(change)
    const [first = '', ...rest] = path
    patch = placed(
      patch,
      SECTIONS.includes(first) && rest.length > 0 ? path : [section, ...path],
      value,
      change,
    )
  }
  return patch
}

/** A file's JSON: an update (`{"state":…}`), or the changes of the section. */
export function patchOfJson(text: string, section: Section): JsonObject {
  let json: Json
  try {
    json = JSON.parse(text) as Json
  } catch (cause) {
    throw new Failure(Exit.Usage, `not JSON: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
  if (!isObject(json)) throw new Failure(Exit.Usage, 'the JSON must be an object')
  const { state } = json
  return state !== undefined && isObject(state) ? state : { [section]: json }
}

function parseChange(change: string): { path: string[]; value: Json } {
  const [, path = '', is, text = ''] = /^((?:\\.|[^\\=:]|:(?!=))+)(:?=)([\s\S]*)$/.exec(change) ?? []
  const levels = path.split(/(?<!\\)\./).map((level) => level.replaceAll(/\\(.)/g, '$1'))
  if (is === undefined || levels.includes(''))
    throw new Failure(Exit.Usage, `not a change: '${change}'; such as power=on, color.r:=3 or old:=null`)
  if (is === '=') return { path: levels, value: text }
  try {
    return { path: levels, value: JSON.parse(text) as Json }
  } catch (cause) {
    throw new Failure(Exit.Usage, `not JSON behind := in '${change}'; for a text write ${path}=${text}`, {
      cause,
    })
  }
}

function placed(target: JsonObject, path: readonly string[], value: Json, change: string): JsonObject {
  const [key = '', ...rest] = path
  const before = Object.hasOwn(target, key) ? target[key] : undefined
  if (rest.length === 0) {
    if (before !== undefined) throw new Failure(Exit.Usage, `'${change}' changes what another change does`)
    return withKey(target, key, value)
  }
  if (before !== undefined && !isObject(before))
    throw new Failure(Exit.Usage, `'${change}' changes what another change does`)
  return withKey(target, key, placed(before ?? {}, rest, value, change))
}

/** A key may be called `__proto__`. */
function withKey(target: JsonObject, key: string, value: Json): JsonObject {
  return Object.fromEntries([...Object.entries(target), [key, value]])
}
