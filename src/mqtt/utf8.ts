// Strings between bytes and JavaScript, under MQTT's stricter idea of UTF-8.

// A byte order mark is a character like any other and must be kept. [MQTT-1.5.4-3]
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Up to here a loop over ASCII is cheaper than the call into the runtime's decoder or encoder. */
const SHORT_BYTES_MAX = 48

/** The text, or null where the bytes are not well-formed [MQTT-1.5.4-1] or hold U+0000 [MQTT-1.5.4-2]. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | null {
  if (end - start <= SHORT_BYTES_MAX) {
    let text = ''
    let at = start
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte === 0) return null
      if (byte >= 0x80) break
      text += String.fromCharCode(byte)
    }
    if (at === end) return text
  }
  const view = bytes.subarray(start, end)
  if (view.includes(0)) return null
  try {
    return decoder.decode(view)
  } catch {
    return null
  }
}

/** The bytes that `writeUtf8` writes. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x80) continue
    bytes++
    if (c < 0x800) continue
    bytes++
    // A pair of surrogates is four bytes for two units; a lone one becomes U+FFFD, three bytes.
    if (c >= 0xd800 && c < 0xdc00) {
      const next = text.charCodeAt(i + 1)
      if (next >= 0xdc00 && next < 0xe000) i++
    }
  }
  return bytes
}

/** Writes `text`, of which `utf8Bytes` said that it takes `bytes`. */
export function writeUtf8(text: string, bytes: number, target: Uint8Array, at: number): void {
  if (bytes !== text.length || bytes > SHORT_BYTES_MAX) {
    encoder.encodeInto(text, target.subarray(at, at + bytes))
    return
  }
  for (let i = 0; i < bytes; i++) target[at + i] = text.charCodeAt(i)
}
