// The API's reference page and the documents behind it, at every region and the core, without any other host.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

it.each(['eu', 'core'])('%s serves the page, its files, and the document that it shows', async (where) => {
  const local = await system.local()
  const base = where === 'core' ? local.core.http : local.regions.eu?.http
  const page = await fetch(`${base}/docs`)
  expect(page.url).toBe(`${base}/docs/`)
  expect(page.headers.get('content-type')).toContain('text/html')
  const text = await page.text()
  const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '')
  expect(files).toContain('swagger-ui-bundle.js')
  for (const file of files.filter((name) => !name.startsWith('data:'))) {
    const answer = await fetch(new URL(file, page.url))
    expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([
      200,
      file.endsWith('.css') ? 'text/css' : 'text/javascript',
    ])
    expect((await answer.text()).length).toBeGreaterThan(100)
  }
  expect((await fetch(`${base}/docs/none.js`)).status).toBe(404)
  const document = await (await fetch(`${base}/openapi.json`)).json()
  expect(document).toMatchObject({ openapi: '3.1.0' })
})
