// What is said where a compiled client's toolchain is not there: its tests are skipped with that sentence.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { HIVEMQ, PAHO_GOLANG, RUMQTTC } from './programs.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('on a machine without compilers', () => {
  it.each([
    [PAHO_GOLANG, 'Go 1.24 or later is not there'],
    [RUMQTTC, 'Rust 1.85 or later with cargo is not there'],
    [HIVEMQ, 'A JDK 17 or later is not there'],
  ])('$name names what to install', async (program, sentence) => {
    vi.stubEnv('PATH', import.meta.dirname)
    expect(await program.missing()).toContain(sentence)
  })
})
