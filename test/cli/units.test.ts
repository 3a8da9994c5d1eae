// The parts of the command that need no system: arguments, places, changes, locks, and what the commands have in common.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { duration, topicFilter, topicName, whole } from '../../src/cli/arguments.ts'
import { takeLock } from '../../src/cli/lock.ts'
import { shown } from '../../src/cli/payload.ts'
import { parseEdges } from '../../src/cli/place.ts'
import { starlingProgram } from '../../src/cli/program.ts'
import { patchOf, patchOfJson } from '../../src/cli/shadow-changes.ts'

describe('an argument', () => {
  it.each([
    ['500ms', 500],
    ['30', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (text, ms) => {
    expect(duration(text)).toBe(ms)
  })

  it.each(['', '0', '-1', '5 m', '5w', 'soon', '1e3', 'm'])('%j is no duration', (text) => {
    expect(() => duration(text)).toThrow(/such as 30s/)
  })

  it.each(['', ' ', '1.5', '11', '-1', 'x'])('%j is no number of 0 to 10', (text) => {
    expect(() => whole('0 to 10', 0, 10)(text)).toThrow('0 to 10')
  })

  it('that is a topic has no wildcards, and a filter has them at whole levels', () => {
    expect(topicName('a/b')).toBe('a/b')
    expect(() => topicName('a/+')).toThrow(/no wildcards/)
    expect(() => topicName('')).toThrow(/at least one character/)
    expect(topicFilter('$share/g/a/+/#')).toBe('$share/g/a/+/#')
    expect(() => topicFilter('a/#/b')).toThrow(/at the end/)
    expect(() => topicFilter('a+')).toThrow(/a whole level/)
  })
})

describe('edges', () => {
  it('are one URL, or one for each region', () => {
    expect(parseEdges('https://a.example/')).toEqual([
      { region: null, http: 'https://a.example', mqtt: 'wss://a.example/mqtt' },
    ])
    expect(parseEdges('eu=http://127.0.0.1:1, us=wss://b.example/mqtt')).toEqual([
      { region: 'eu', http: 'http://127.0.0.1:1', mqtt: 'ws://127.0.0.1:1/mqtt' },
      { region: 'us', http: 'https://b.example', mqtt: 'wss://b.example/mqtt' },
    ])
  })

  it.each(['', 'a.example', 'ftp://a.example', 'eu=', 'https://'])('are not %j', (text) => {
    expect(() => parseEdges(text)).toThrow(/not a URL/)
  })
})

describe('changes of a shadow', () => {
  it.each([
    [['power=on'], { desired: { power: 'on' } }],
    [['color.r:=3', 'color.g:=[1]'], { desired: { color: { r: 3, g: [1] } } }],
    [['desired.a=1', 'reported.a:=null'], { desired: { a: '1' }, reported: { a: null } }],
    [['desired=x'], { desired: { desired: 'x' } }],
    [['a\\.b.c=d=e:=f'], { desired: { 'a.b': { c: 'd=e:=f' } } }],
    [['a:b=c'], { desired: { 'a:b': 'c' } }],
    [['a='], { desired: { a: '' } }],
  ])('%j are %j', (changes, patch) => {
    expect(patchOf(changes, 'desired')).toEqual(patch)
  })

  it('of what is reported are in its section', () => {
    expect(patchOf(['a=b'], 'reported')).toEqual({ reported: { a: 'b' } })
  })

  it('may be of an attribute that is called __proto__', () => {
    expect(JSON.stringify(patchOf(['__proto__.x:=1'], 'desired'))).toBe('{"desired":{"__proto__":{"x":1}}}')
  })

  it.each([
    [['power'], /not a change: 'power'/],
    [['=on'], /not a change/],
    [['a..b=1'], /not a change/],
    [['a:=on'], /not JSON behind := in 'a:=on'; for a text write a=on/],
    [['a=1', 'a=2'], /'a=2' changes what another change does/],
    [['a=1', 'a.b=2'], /changes what another change does/],
    [['a.b=1', 'a=2'], /changes what another change does/],
  ])('are not %j', (changes, why) => {
    expect(() => patchOf(changes, 'desired')).toThrow(why)
  })

  it('may be JSON: of the section, or an update as AWS IoT has it', () => {
    expect(patchOfJson('{"a":1}', 'reported')).toEqual({ reported: { a: 1 } })
    expect(patchOfJson('{"state":{"desired":null}}', 'reported')).toEqual({ desired: null })
    expect(() => patchOfJson('[1]', 'desired')).toThrow(/must be an object/)
    expect(() => patchOfJson('{', 'desired')).toThrow(/not JSON/)
  })
})

describe('a lock', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'starling-lock-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('is taken by one of many at once, and leaves nothing but itself', async () => {
    const locks = await Promise.all(Array.from({ length: 20 }, () => takeLock(path.join(dir, 'a'))))
    expect(locks.filter(({ taken }) => taken)).toHaveLength(1)
    expect(locks.find(({ taken }) => !taken)).toEqual({ taken: false, owner: process.pid })
    expect(await readdir(dir)).toEqual(['a'])
  })

  it('is free again when it is given back', async () => {
    const lock = await takeLock(path.join(dir, 'a'))
    if (lock.taken) await lock.free()
    expect(await takeLock(path.join(dir, 'a'))).toMatchObject({ taken: true })
  })

  it.each(['', 'nonsense', '4194305'])(
    'of a process that is gone (%j) is taken over, by one',
    async (left) => {
      await writeFile(path.join(dir, 'a'), left)
      const locks = await Promise.all(Array.from({ length: 20 }, () => takeLock(path.join(dir, 'a'))))
      expect(locks.filter(({ taken }) => taken)).toHaveLength(1)
      expect(await readdir(dir)).toEqual(['a'])
    },
  )
})

it('what a terminal would obey is shown to it, and comes through a pipe as it is', () => {
  expect(shown('a\u001b[2Jb\nc\td\u009b', true)).toBe('a\\x1b[2Jb\nc\td\\x9b')
  expect(shown('a\u001b[2J', false)).toBe('a\u001b[2J')
})

describe('the commands', () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]
  const program = starlingProgram()
  const everywhere = program.options.map(({ long }) => long)

  it('have no option that stands for another thing everywhere', () => {
    const taken = program.commands
      .flatMap(all)
      .flatMap((one) => one.options.map(({ long }) => `${one.name()} ${long}`))
      .filter((name) => everywhere.includes(name.split(' ')[1] ?? ''))
    expect(taken).toEqual([])
  })

  it('say what they, their arguments and their options are for', () => {
    const silent = all(program).flatMap((one) => [
      ...(one.description() === '' ? [one.name()] : []),
      ...one.options
        .filter(({ description }) => description === '')
        .map(({ long }) => `${one.name()} ${long}`),
      ...one.registeredArguments
        .filter(({ description }) => description === '')
        .map((argument) => `${one.name()} ${argument.name()}`),
    ])
    expect(silent).toEqual([])
  })
})
