// The bindings and settings that wrangler.toml gives to the Worker and its actors.

export interface Env {
  readonly DEVICE: DurableObjectNamespace
  readonly TOPIC: DurableObjectNamespace
  readonly UPLINK: DurableObjectNamespace
  readonly WIDE: DurableObjectNamespace
  readonly FRONT: DurableObjectNamespace
  /** Static files: the API’s reference page. The platform serves them; a local run asks the Worker. */
  readonly ASSETS?: Fetcher
  /** `https://core.example`, without a slash at the end. */
  readonly CORE_URL: string
  /** Shared with the core; at least 32 characters. */
  readonly RELAY_SECRET: string
  readonly CLIENT_TOKEN_SECRET: string
  /** The regions that this deployment serves, each named after its place: `eu,us-west,factory@eu` (see src/id/region-place.ts). */
  readonly REGIONS: string
  /** This deployment's only region; without it the place of the request decides. */
  readonly REGION?: string
  /** Set to empty a region: clients are refused with this Server Reference, `wss://other.example/mqtt`. */
  readonly MOVE_TO?: string
  /** Fleets beside `default` whose clients may show their token only as the MQTT password: `acme,home`; `*` for any. */
  readonly FLEETS?: string
  /** Upgrades of one address without a token in the URL or a header, a minute; 1,000 by default. */
  readonly UNPROVEN_PER_MINUTE?: string
  /** `off`: no presence events. */
  readonly PRESENCE?: string
  /** Topics whose messages are stored as history, and for how long: `devices/+/telemetry=7d,rooms/#=1d`. */
  readonly HISTORY?: string
  readonly UPLINK_SHARDS?: string
  readonly SERVER_KEEP_ALIVE_SECONDS?: string
  readonly PACKET_BYTES_MAX?: string
  /** Bound of each uplink's outbox; 100,000 by default. */
  readonly OUTBOX_MESSAGES_MAX?: string
  /** What a session's full queue does: `drop-oldest`, which is the default, or `refuse`. */
  readonly QUEUE_WHEN_FULL?: string
}
