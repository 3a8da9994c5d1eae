// Every problem has a stable type, and every type a page: in docs/problems.md, and at the server that answers with it.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { problemsPages } from '../../src/api/problems-page.ts'
import { problemResponse, problemSchema } from '../../src/relay/problem.ts'
import { PROBLEM_TYPES, type ProblemName, problemsPage } from '../../src/relay/problem-types.ts'
import { sourcesIn } from '../structure/sources.ts'

const NAMES = Object.keys(PROBLEM_TYPES) as ProblemName[]
const PROJECT = path.join(import.meta.dirname, '../..')

const SERVED = sourcesIn('src', 'actors', 'k8s-core')

describe('problems', () => {
  test('docs/problems.md has a section for each type: npm run problems writes it', async () => {
    expect(await readFile(path.join(PROJECT, 'docs/problems.md'), 'utf8')).toBe(problemsPage())
  })

  test('are made in one place only, which takes no type but those of the page', () => {
    const makers = SERVED.filter(({ text }) =>
      /'content-type': 'application\/problem\+json'|about:blank/.test(text),
    )
    expect(makers.map(({ file }) => file)).toEqual(['src/relay/problem.ts'])
  })

  test('of each type are made somewhere', () => {
    const texts = SERVED.filter(({ file }) => file !== 'src/relay/problem-types.ts').map(({ text }) => text)
    const unused = NAMES.filter((name) => !texts.some((text) => text.includes(`'${name}'`)))
    expect(unused).toEqual([])
  })

  test.each(NAMES)('%s is explained at its type’s address', async (name) => {
    const problem = problemSchema.parse(await problemResponse(name, 'A title').json())
    expect(problem.status).toBe(PROBLEM_TYPES[name].status)
    const page = await problemsPages().request(problem.type)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain(PROBLEM_TYPES[name].means)
  })

  test('of a name that is none have no page', async () => {
    expect((await problemsPages().request('/problems/nothing')).status).toBe(404)
    expect(await (await problemsPages().request('/problems')).text()).toBe(problemsPage())
  })
})
