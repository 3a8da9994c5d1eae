// Why no test proves a statement that concerns a server. Few, and each true.
import type { Reasons } from './table.ts'

const NO_METHOD = 'no Authentication Method is supported: every CONNECT with one is refused'

export const REASONS: Reasons = {
  '5.0': {
    '3.2.2-13': 'retained messages are supported, so that no will is refused for being one',
    '3.15.2-2': 'the server sends no AUTH',
    '3.15.2-3': 'the server sends no AUTH',
    '4.12.0-2': NO_METHOD,
    '4.12.0-5': NO_METHOD,
    '4.12.1-1': NO_METHOD,
  },
  '3.1.1': {
    '3.8.3-2': 'wildcards are supported',
    '4.8.0-2':
      'a transient error is answered with a reason code where the packet has one; 3.1.1 clients are closed',
    '7.0.0-1': 'MQTT is spoken with clients only; regions and core are joined over HTTP',
  },
}
