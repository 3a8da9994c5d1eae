// Payloads from and to the user: bytes from arguments, files and stdin; text that a terminal shows and does not obey.
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Exit, Failure } from './exit.ts'

/** @param file `-` for stdin */
export async function readBytes(file: string): Promise<Buffer> {
  if (file === '-') return buffer(process.stdin)
  try {
    return await readFile(file)
  } catch (cause) {
    throw new Failure(Exit.Usage, `${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
}

/** The payload as text, or null if it is not UTF-8. */
export function textOf(payload: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return null
  }
}

/** For people: control characters that a terminal would obey are shown, not sent to it. */
export function shown(text: string, toTerminal: boolean = process.stdout.isTTY === true): string {
  if (!toTerminal) return text
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for them
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
