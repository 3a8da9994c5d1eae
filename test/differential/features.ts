// What of MQTT the scripts use: a switch each, for a broker that grants less.

export interface Features {
  /** Publishes, subscriptions and wills with QoS 2. */
  readonly qos2: boolean
  /** Filters with a wildcard in one of the first two levels. */
  readonly wide: boolean
  readonly shared: boolean
}

export const FEATURES: Features = { qos2: true, wide: true, shared: true }
