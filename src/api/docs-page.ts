// The API's reference page: Swagger UI over `/openapi.json`. Its files are static and need no other network.
import { type Env, Hono } from 'hono'
import { problemResponse } from '../relay/problem.ts'

/** The page's files, with the media types that browsers insist on. */
export const DOCS_FILES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'start.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
}

export const DOCS_INDEX = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Starling: HTTP API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="swagger-ui.css">
  </head>
  <body>
    <div id="api"></div>
    <script src="swagger-ui-bundle.js"></script>
    <script src="start.js"></script>
  </body>
</html>
`

export const DOCS_START = `SwaggerUIBundle({
  url: '../openapi.json',
  dom_id: '#api',
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
})
`

/** `/docs/`. @param read reads one of the files; null if this host does not have it */
export function docsPage<E extends Env>(
  read: (file: string, env: E['Bindings']) => Promise<ReadableStream | Uint8Array<ArrayBuffer> | null>,
): Hono<E> {
  const page = new Hono<E>()
  page.get('/docs', (c) => c.redirect('docs/', 308))
  page.on('GET', ['/docs/', '/docs/:file'], async (c) => {
    const file = c.req.param('file') ?? 'index.html'
    const type = DOCS_FILES[file]
    const body = type === undefined ? null : await read(file, c.env)
    if (type === undefined || body === null)
      return problemResponse('not-found', 'The page was not built here')
    return new Response(body, { headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' } })
  })
  return page
}
