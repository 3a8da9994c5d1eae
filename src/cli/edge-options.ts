// The Worker's bindings under miniflare; wrangler.toml has the same for `wrangler deploy`.

export const EDGE_OPTIONS = {
  compatibilityDate: '2026-07-01',
  // Lets an event stream learn that its reader is gone.
  compatibilityFlags: ['enable_request_signal'],
  host: '127.0.0.1',
  port: 0,
  cf: false as const,
  durableObjects: {
    DEVICE: { className: 'DeviceActor', useSQLite: true },
    TOPIC: { className: 'TopicActor', useSQLite: true },
    UPLINK: { className: 'UplinkActor', useSQLite: true },
    WIDE: { className: 'WideActor', useSQLite: true },
    FRONT: { className: 'FrontActor', useSQLite: true },
  },
}
