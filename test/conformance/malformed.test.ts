// What no client may send: every breach of the format ends the connection, in both versions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from '../e2e/raw.ts'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { framed, wire } from '../mqtt/wire.ts'
import { connected, LEVELS, listen, tags } from './peer.ts'

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

type Row = [what: string, tags: string, header: number, body: string]

describe('the first packet', () => {
  const rows: Row[] = [
    ['PUBLISH', '', 0x30, "0001 't'"],
    ['SUBSCRIBE', '', 0x82, "0001 0001 'a' 00"],
    ['PINGREQ', '', 0xc0, ''],
    ['DISCONNECT', '', 0xe0, ''],
    ['AUTH', '', 0xf0, '18 00'],
    ['CONNACK', '', 0x20, '0000'],
    ['an HTTP request', '', 0x47, "'ET / HTTP/1.1'"],
  ]
  it.each(rows)(
    'that is %s and not CONNECT closes the connection without an answer%s [MQTT-3.1.0-1] [MQTT-3.1.0-1, 3.1.1] [MQTT-3.14.0-1]',
    async (_what, _tags, header, body) => {
      const raw = await Raw.open(system, 'eu', '/first')
      const frames = listen(raw)
      raw.sendBytes(framed(header, body))
      await raw.closed()
      expect(frames).toEqual([])
    },
  )

  it.each(
    [
      ['the name of 3.1', "0006 'MQIsdp' 03 02 0000 0001 'a'", '3.1.2-1'],
      ['another name at level 4', "0004 'MQTX' 04 02 0000 0001 'a'", '3.1.2-1'],
      ['another name at level 5', "0004 'MQTX' 05 02 0000 00 0001 'a'", '3.1.2-1'],
      ['the name in small letters', "0004 'mqtt' 05 02 0000 00 0001 'a'", '3.1.2-1'],
      ['level 3', "0004 'MQTT' 03 02 0000 0001 'a'", '3.1.2-2'],
      ['level 4 of a bridge', "0004 'MQTT' 84 02 0000 0001 'a'", '3.1.2-2'],
    ].map(([what, body, id]) => [what, `[MQTT-${id}] [MQTT-${id}, 3.1.1]`, body] as const),
  )('CONNECT with %s gets return code 1 and is closed %s', async (_what, _tags, body) => {
    const raw = await Raw.open(system, 'eu', '/first', 4)
    const frames = listen(raw)
    raw.sendBytes(framed(0x10, body as string))
    await raw.closed()
    expect(Buffer.concat(frames)).toEqual(Buffer.of(0x20, 2, 0, 1))
  })
})

describe('CONNECT of a version to come', () => {
  it('at level 6 gets 0x84 in a CONNACK of 5.0, and is closed [MQTT-3.1.2-2]', async () => {
    const raw = await Raw.open(system, 'eu', '/first')
    raw.sendBytes(framed(0x10, "0004 'MQTT' 06 02 0000 00 0001 'a'"))
    await raw.closed()
    expect(raw.packets).toMatchObject([{ cmd: 'connack', reasonCode: 0x84 }])
  })
})

describe.each(LEVELS)('CONNECT of $version', ({ level }) => {
  const head = (flags: string) => `0004 'MQTT' 0${level} ${flags} 0000 ${level === 5 ? '00' : ''}`
  const ID = "0001 'a'"
  const WILL = level === 5 ? '00' : ''
  const both: Row[] = [
    ['a flag in the fixed header', tags(level, '2.1.3-1', '2.2.2-1 2.2.2-2'), 0x11, `${head('02')} ${ID}`],
    ['the reserved flag', tags(level, '3.1.2-3', '3.1.2-3'), 0x10, `${head('03')} ${ID}`],
    ['a will QoS and no will', tags(level, '3.1.2-11', '3.1.2-11 3.1.2-13'), 0x10, `${head('0a')} ${ID}`],
    ['Will Retain and no will', tags(level, '3.1.2-13', '3.1.2-11 3.1.2-15'), 0x10, `${head('22')} ${ID}`],
    [
      'a will of no Will Flag',
      tags(level, '', '3.1.2-11'),
      0x10,
      `${head('02')} ${ID} ${WILL} 0001 't' 0000`,
    ],
    [
      'a will at QoS 3',
      tags(level, '3.1.2-12', '3.1.2-14'),
      0x10,
      `${head('1e')} ${ID} ${WILL} 0001 't' 0000`,
    ],
    ['a Will Flag and no will', tags(level, '3.1.2-9', '3.1.2-9'), 0x10, `${head('06')} ${ID}`],
    [
      'a will without payload',
      tags(level, '3.1.2-9', '3.1.2-9'),
      0x10,
      `${head('06')} ${ID} ${WILL} 0001 't'`,
    ],
    [
      'a user name without its flag',
      tags(level, '3.1.2-16', '3.1.2-18'),
      0x10,
      `${head('02')} ${ID} 0001 'u'`,
    ],
    ['a flag without its user name', tags(level, '3.1.2-17', '3.1.2-19'), 0x10, `${head('82')} ${ID}`],
    [
      'a password without its flag',
      tags(level, '3.1.2-18', '3.1.2-20'),
      0x10,
      `${head('82')} ${ID} 0001 'u' 0001 'p'`,
    ],
    [
      'a flag without its password',
      tags(level, '3.1.2-19', '3.1.2-21'),
      0x10,
      `${head('c2')} ${ID} 0001 'u'`,
    ],
    ['no client id', tags(level, '3.1.3-3', '3.1.3-3'), 0x10, head('02')],
    [
      'a client id of bad UTF-8',
      tags(level, '3.1.3-4 1.5.4-1', '3.1.3-4 1.5.3-1'),
      0x10,
      `${head('02')} 0001 ff`,
    ],
    ['U+0000 in the client id', tags(level, '1.5.4-2', '1.5.3-2'), 0x10, `${head('02')} 0001 00`],
    [
      'a will topic of bad UTF-8',
      tags(level, '3.1.3-11 1.5.4-1', '3.1.3-10 1.5.3-1'),
      0x10,
      `${head('06')} ${ID} ${WILL} 0002 c328 0000`,
    ],
    [
      'a user name of bad UTF-8',
      tags(level, '3.1.3-12 1.5.4-1', '3.1.3-11 1.5.3-1'),
      0x10,
      `${head('82')} ${ID} 0003 eda080`,
    ],
  ]
  const older: Row[] = [
    ['a password and no user name', tags(level, '', '3.1.2-22'), 0x10, `${head('42')} ${ID} 0001 'p'`],
  ]
  const newer: Row[] = [
    [
      'a user property with a name of bad UTF-8',
      ' [MQTT-1.5.7-1]',
      0x10,
      `0004 'MQTT' 05 02 0000 07 26 0001 ff 0001 'v' ${ID}`,
    ],
    ['a property length longer than need be', ' [MQTT-1.5.5-1]', 0x10, `0004 'MQTT' 05 02 0000 8000 ${ID}`],
    ['no property length', ' [MQTT-2.2.2-1]', 0x10, `0004 'MQTT' 05 02 0000`],
    ['Receive Maximum 0', '', 0x10, `0004 'MQTT' 05 02 0000 03 21 0000 ${ID}`],
    ['Maximum Packet Size 0', '', 0x10, `0004 'MQTT' 05 02 0000 05 27 00000000 ${ID}`],
    ['Request Problem Information 2', '', 0x10, `0004 'MQTT' 05 02 0000 02 17 02 ${ID}`],
    ['Request Response Information 2', '', 0x10, `0004 'MQTT' 05 02 0000 02 19 02 ${ID}`],
    ['Authentication Data alone', '', 0x10, `0004 'MQTT' 05 02 0000 04 16 0001 ff ${ID}`],
    ['a session expiry twice', '', 0x10, `0004 'MQTT' 05 02 0000 0a 11 00000001 11 00000001 ${ID}`],
  ]
  const name = `with %s is closed, with no word of success and no DISCONNECT%s${tags(
    level,
    '3.1.4-1 3.14.0-1',
    '',
  )}${level === 4 ? ' [MQTT-3.1.4-1, 3.1.1]' : ''}`
  const ways = ['/a', ''].flatMap((path) =>
    [...both, ...(level === 5 ? newer : older)].map(
      ([what, ...rest]) => [path === '' ? `${what}, through a front,` : what, ...rest, path] as const,
    ),
  )
  it.each(ways)(name, async (_what, _tags, header, body, path) => {
    const raw = await Raw.open(system, 'eu', path, level)
    const frames = listen(raw)
    raw.sendBytes(framed(header, body))
    await raw.closed()
    // 3.1.1: without CONNACK; 5.0 says why.
    expect(frames).toHaveLength(level === 4 ? 0 : 1)
    for (const frame of frames) {
      expect(frame[0]).toBe(0x20)
      expect(frame[3]).toBeGreaterThanOrEqual(0x80)
    }
  })
})

/** A row with the reason that 5.0 gives. */
type LiveRow = [what: string, reason: number, five: string, older: string, header: number, body: string]

const PID = '0001'
// The properties of 5.0 stand between brackets: `(00)`; 3.1.1 has none.
const LIVE: LiveRow[] = [
  ['PUBACK with flags', 0x81, '2.1.3-1', '2.2.2-1 2.2.2-2', 0x42, PID],
  ['PUBREC with flags', 0x81, '2.1.3-1', '2.2.2-1 2.2.2-2', 0x51, PID],
  ['PUBREL without its flags', 0x81, '2.1.3-1 3.6.1-1', '2.2.2-1 2.2.2-2 3.6.1-1', 0x60, PID],
  ['PUBCOMP with flags', 0x81, '2.1.3-1', '2.2.2-1 2.2.2-2', 0x71, PID],
  ['SUBSCRIBE without its flags', 0x81, '3.8.1-1', '2.2.2-2 3.8.1-1', 0x80, `${PID} (00) 0001 'a' 00`],
  ['UNSUBSCRIBE without its flags', 0x81, '3.10.1-1', '2.2.2-2 3.10.1-1', 0xa0, `${PID} (00) 0001 'a'`],
  ['PINGREQ with flags', 0x81, '2.1.3-1', '2.2.2-1 2.2.2-2', 0xc1, ''],
  ['DISCONNECT with flags', 0x81, '3.14.1-1', '3.14.1-1', 0xe2, ''],
  ['AUTH with flags', 0x81, '3.15.1-1', '', 0xf1, "18 09 15 0006 'SCRAM1'"],
  ['PUBLISH at QoS 3', 0x81, '3.3.1-4', '3.3.1-4', 0x36, `0001 't' ${PID} (00)`],
  ['packet type 0', 0x81, '', '4.8.0-1', 0x00, ''],
  ['a packet that only servers send', 0x82, '', '4.8.0-1', 0xd0, ''],
  ['a second CONNECT', 0x82, '3.1.0-2', '3.1.0-2 4.8.0-1', 0x10, "0004 'MQTT' 05 02 0000 00 0001 'a'"],
  ['a surrogate in a topic', 0x81, '1.5.4-1', '1.5.3-1', 0x30, '0003 eda080 (00)'],
  ['half a character in a topic', 0x81, '1.5.4-1', '1.5.3-1', 0x30, "0002 'a' c3 (00)"],
  ['U+0000 in a topic', 0x81, '1.5.4-2', '1.5.3-2', 0x30, "0002 'a' 00 (00)"],
  ['U+0000 in a filter', 0x81, '1.5.4-2', '1.5.3-2', 0x82, `${PID} (00) 0002 'a' 00 00`],
  ['a filter of bad UTF-8', 0x81, '1.5.4-1', '1.5.3-1', 0x82, `${PID} (00) 0001 ff 00`],
  ['SUBSCRIBE with Packet Identifier 0', 0x82, '2.2.1-3', '2.3.1-1', 0x82, "0000 (00) 0001 'a' 00"],
  ['UNSUBSCRIBE with Packet Identifier 0', 0x82, '2.2.1-3', '2.3.1-1', 0xa2, "0000 (00) 0001 'a'"],
  ['PUBLISH with Packet Identifier 0', 0x82, '2.2.1-3', '2.3.1-1', 0x32, "0001 't' 0000 (00)"],
]
const LIVE_5: LiveRow[] = [
  ['a user property with a name of bad UTF-8', 0x81, '1.5.7-1', '', 0x30, "0001 't' 07 26 0001 ff 0001 'v'"],
  ['a user property with U+0000 in its value', 0x81, '1.5.7-1', '', 0x30, "0001 't' 07 26 0001 'n' 0001 00"],
  ['a property length longer than need be', 0x81, '1.5.5-1', '', 0x30, "0001 't' 8000"],
  ['PUBLISH without a property length', 0x81, '2.2.2-1', '', 0x30, "0001 't'"],
  ['a property that the packet cannot have', 0x81, '', '', 0x30, "0001 't' 03 21 0001"],
  ['a Topic Alias above every maximum but the highest', 0x94, '3.2.2-17', '', 0x30, "0001 't' 03 23 ffff"],
  ['DISCONNECT with a code that no client has', 0x82, '3.14.2-1', '', 0xe0, '8e'],
  ['AUTH with a code that is none of its own', 0x82, '3.15.2-1', '', 0xf0, "01 09 15 0006 'SCRAM1'"],
  ['AUTH with no method agreed', 0x82, '4.12.0-7 4.12.1-2', '', 0xf0, "19 09 15 0006 'SCRAM1'"],
]

describe('a connection of 5.0', () => {
  it.each([...LIVE, ...LIVE_5].map((row) => [row[0], tags(5, row[2], ''), ...row.slice(1)] as const))(
    'that sends %s gets a reason and is closed%s [MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT-3.14.2-1] [MQTT-3.14.4-2]',
    async (_what, _tags, reason, _five, _older, header, body) => {
      const raw = await connected(system, 'live-5')
      raw.sendBytes(framed(header as number, (body as string).replaceAll(/[()]/g, '')))
      await raw.closed()
      expect(raw.of('disconnect')).toMatchObject([{ reasonCode: reason }])
    },
  )

  it('that sends a length longer than need be gets 0x81 and is closed [MQTT-1.5.5-1] [MQTT-4.13.1-1]', async () => {
    const raw = await connected(system, 'live-5')
    raw.sendBytes(wire('c0 80 00'))
    await raw.closed()
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x81 }])
  })

  it('that begins a packet over the Maximum Packet Size gets 0x95 and is closed [MQTT-3.2.2-15]', async () => {
    const raw = await connected(system, 'live-5')
    const most = raw.of('connack')[0] as unknown as { properties: { maximumPacketSize: number } }
    expect(most.properties.maximumPacketSize).toBeLessThan(0x0fff_ffff)
    raw.sendBytes(wire('30 ff ff ff 7f'))
    await raw.closed()
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x95 }])
  })
})

describe('a connection of 3.1.1', () => {
  it.each(LIVE.map((row) => [row[0], tags(4, '', row[3]), row[4], row[5]] as const))(
    'that sends %s is closed without a word%s [MQTT-4.8.0-1, 3.1.1]',
    async (_what, _tags, header, body) => {
      const raw = await connected(system, 'live-4', { level: 4 })
      const frames = listen(raw)
      raw.sendBytes(framed(header, body.replaceAll(/\([^)]*\)/g, '')))
      await raw.closed()
      expect(frames).toEqual([])
    },
  )
})
