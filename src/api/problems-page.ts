// `/problems/<name>`: what a problem's `type` leads to, in words, at the server that answered with it.
import { type Env, Hono } from 'hono'
import { problemResponse } from '../relay/problem.ts'
import { isProblemName, PROBLEMS_PATH, problemSection, problemsPage } from '../relay/problem-types.ts'

export function problemsPages<E extends Env>(): Hono<E> {
  const pages = new Hono<E>()
  pages.get(PROBLEMS_PATH, (c) => c.text(problemsPage()))
  pages.get(`${PROBLEMS_PATH}/:name`, (c) => {
    const name = c.req.param('name')
    if (!isProblemName(name)) return problemResponse('not-found', 'There is no such problem')
    return c.text(problemSection(name))
  })
  return pages
}
