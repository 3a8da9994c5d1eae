// `npm run build:docs`: the API's reference page into dist/assets, for `wrangler deploy` and for the core's image.
import path from 'node:path'
import { writeDocs } from './docs-assets.ts'

await writeDocs(path.join(import.meta.dirname, '..', 'dist', 'assets'))
