// The token that docs/security.md signs is one that the edge takes, with the claims that the page lists.

import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { PROJECT, quoted, run } from '../clients/commands.ts'
import { validClaims } from '../id/valid-claims.ts'
import { readPages } from './pages.ts'

it('a token that is signed as docs/security.md does lets its client in, with fleet, scope and durability', async () => {
  const page = readPages().find(({ file }) => file === 'docs/security.md')
  const block = page?.blocks.find(({ language, text }) => language === 'ts' && text.includes('tokenFor'))
  const secret = 'a secret of the test, of more than thirty-two characters'
  const file = path.join(PROJECT, `.tools-token-${process.pid}.ts`)
  await writeFile(file, `${block?.text ?? ''}\nconsole.log(await tokenFor('lamp'))\n`)
  try {
    const { stdout, stderr } = await run(
      `CLIENT_TOKEN_SECRET=${quoted(secret)} ${quoted(process.execPath)} ${file}`,
    )
    const token = stdout.trim().split('\n').at(-1) ?? ''
    expect(await validClaims(token, secret), stderr).toEqual({
      client: 'lamp',
      fleet: 'acme',
      admin: true,
      durability: 'global',
    })
  } finally {
    await rm(file, { force: true })
  }
})
