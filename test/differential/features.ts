// What of MQTT the scripts use: a switch each, for what Starling does not offer yet.

export interface Features {
  /** Publishes, subscriptions and wills with QoS 2. */
  readonly qos2: boolean
  /** Filters with a wildcard in one of the first two levels. */
  readonly wide: boolean
  readonly shared: boolean
}

export const FEATURES: Features = { qos2: true, wide: true, shared: true }

export const ALL_FEATURES: Features = { qos2: true, wide: true, shared: true }
