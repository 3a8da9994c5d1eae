// A bound of ours that the platform would break stops the code from being loaded.
import { afterEach, describe, expect, it, vi } from 'vitest'

const LIMITS = '../../actors/limits.ts'
const MQTT = '../../src/mqtt/limits.ts'
const SESSION = '../../src/session/limits.ts'
const SHADOW = '../../src/shadow/limits.ts'

const MIB = 1024 * 1024

/** Loads the actors with one constant changed. */
async function loadWith(file: string, changed: Record<string, number>): Promise<unknown> {
  vi.resetModules()
  vi.doMock(file, async (original) => ({ ...(await original<Record<string, unknown>>()), ...changed }))
  return import('../../actors/kinds.ts')
}

describe('bounds that the platform would break', () => {
  afterEach(() => {
    for (const file of [LIMITS, MQTT, SESSION, SHADOW]) vi.doUnmock(file)
    vi.resetModules()
  })

  it('the bounds as they are load', async () => {
    await expect(loadWith(LIMITS, {})).resolves.toBeDefined()
  })

  it.each([
    [LIMITS, 'COURIER_BATCH_BYTES_MAX', 33 * MIB, 'a batch of a courier'],
    [LIMITS, 'RETAINED_PAGE_BYTES_MAX', 32 * MIB, 'a page of retained messages'],
    [LIMITS, 'LATE_RETAINED_MAX', 32, 'the changes that a former home sends'],
    [LIMITS, 'HISTORY_ROW_BYTES_MAX', 2 * MIB, 'a row of history'],
    [LIMITS, 'WIDE_FILTERS_CHARACTERS_MAX', 512 * 1024, 'a row of other'],
    [LIMITS, 'SQL_LIST_MAX', 8_500, 'the steps of SQL_LIST_MAX positions'],
    [LIMITS, 'UPLINK_BYTES_PER_CALL_MAX', 32 * MIB, 'a call of an uplink'],
    [LIMITS, 'SYNC_BYTES_PER_CALL_MAX', 30 * MIB, 'a call with the syncs of many roots'],
    [LIMITS, 'ATTACHMENT_BYTES_MAX', 16 * 1024, 'an attachment'],
    [LIMITS, 'ATTACHMENT_DELAY_MS', 10_000, 'the delay of an attachment'],
    [LIMITS, 'ACTOR_MEMORY_BYTES_MAX', 64 * MIB, 'the messages of a device or a leaf'],
    [SESSION, 'QUEUE_MEMORY_BYTES_MAX', 64 * MIB, 'the messages of a device or a leaf'],
    [LIMITS, 'OUTBOX_MESSAGES_MAX', 300_000, 'the messages of an uplink'],
    [SESSION, 'INCOMING_HELD_BYTES_MAX', 32 * MIB, 'packets of a client that wait'],
    [LIMITS, 'ACTOR_CLIENT_BYTES_MAX', 36 * MIB, 'each use of the budget'],
    [MQTT, 'PACKET_BYTES_MAX', 2 * MIB, 'a row of queue'],
    [MQTT, 'PACKET_BYTES_MAX', 64 * MIB, 'a packet in one WebSocket message'],
    [SESSION, 'TOPIC_ALIASES_INCOMING_MAX', 64, 'a row of live_bulk'],
    [SHADOW, 'SHADOW_STATE_BYTES_MAX', MIB, 'a row of shadow'],
    [SHADOW, 'SHADOWS_CHARACTERS_MAX', 32 * MIB, 'the shadows of a device'],
    [LIMITS, 'COURIER_BATCH_BYTES_MAX', Number.NaN, 'a batch of a courier'],
  ])('%s with %s = %d does not load: %s', async (file, name, value, what) => {
    await expect(loadWith(file, { [name]: value })).rejects.toThrow(what)
  })
})
