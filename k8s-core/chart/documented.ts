// The installations of docs/operate.md: the lines that begin with `helm install`, and the blocks of values.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'

const PAGE = resolve(import.meta.dirname, '../../docs/operate.md')

export interface DocumentedInstall {
  readonly what: string
  /** For `helm template`, behind the release's name and the chart. */
  readonly args: readonly string[]
  /** For `--values -`: JSON on standard input; null if the arguments are enough. */
  readonly values: unknown
}

export function documentedInstalls(): DocumentedInstall[] {
  const text = readFileSync(PAGE, 'utf8').replaceAll(/\s*\\\n\s*/g, ' ')
  const lines = [...text.matchAll(/^helm install \S+ k8s-core\/chart (.*)$/gm)].map(([, args = '']) => ({
    what: 'helm install of docs/operate.md',
    args: [...args.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/['"]/g, '')),
    values: null,
  }))
  // What Helm would be given beside the values: the secrets are in a Secret.
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, yaml = '']) => ({
    what: 'values of docs/operate.md',
    args: [],
    values: parse(yaml) as unknown,
  }))
  return [...lines, ...blocks]
}
