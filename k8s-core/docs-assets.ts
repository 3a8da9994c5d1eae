// Writes the files of the API's reference page where they are served from: Swagger UI's, and two of ours.
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { DOCS_INDEX, DOCS_START } from '../src/api/docs-page.ts'

/** @param assets `docs` is made in it */
export async function writeDocs(assets: string): Promise<void> {
  const swagger = path.dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')))
  const docs = path.join(assets, 'docs')
  await mkdir(docs, { recursive: true })
  await Promise.all([
    ...['swagger-ui.css', 'swagger-ui-bundle.js'].map((file) =>
      copyFile(path.join(swagger, file), path.join(docs, file)),
    ),
    writeFile(path.join(docs, 'index.html'), DOCS_INDEX),
    writeFile(path.join(docs, 'start.js'), DOCS_START),
  ])
}
