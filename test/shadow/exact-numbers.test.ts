// Numbers that JSON.parse would change without a word.
import { expect, test } from 'vitest'
import { inexactNumber } from '../../src/shadow/exact-numbers.ts'

test.each([
  ['{"n":1e400}', 'n'],
  ['{"state":{"desired":{"n":-1E400}}}', 'state.desired.n'],
  ['{"n":9007199254740993}', 'n'],
  ['{"a":[1,{"b":[2,3 , 9007199254740993]}]}', 'a.1.b.2'],
  ['{"a":{"x":1},"b":"}{,[\\"", "c\\n" : 1e999}', 'b.c\n'.slice(2)],
  [`{"n":1${'0'.repeat(400)}}`, 'n'],
  ['{"n":1e-400}', 'n'],
  ['[0,1,12345678901234567891]', '2'],
  ['1e999', ''],
])('%s has one', (text, field) => {
  expect(inexactNumber(text)).toBe(field)
})

test.each([
  '{"n":9007199254740992,"m":-9007199254740991}',
  '{"n":0.1,"m":0.10000000000000001,"x":3.141592653589793238}',
  '{"n":1e23,"m":1.5e308,"z":0e-999,"zero":0.0000000000000000000}',
  '{"text":"1e400 and 9007199254740993","1e400":1,"\\\\":"\\""}',
  '"9007199254740993"',
  '[]',
])('%s has none', (text) => {
  expect(inexactNumber(text)).toBeNull()
})

test('a deep or long text is read without recursion', () => {
  expect(inexactNumber(`${'['.repeat(300_000)}1e999${']'.repeat(300_000)}`)).toMatch(/^0\.0\./)
  expect(inexactNumber(`{"s":"${'\\"'.repeat(500_000)}","n":1e999}`)).toBe('n')
})
