// Reason codes of MQTT 5.0 (section 2.4), and the return codes that a 3.1.1 client gets instead.

export const Reason = {
  Success: 0x00,
  GrantedQoS1: 0x01,
  GrantedQoS2: 0x02,
  DisconnectWithWill: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  Reauthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QoSNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const

export type ReasonCode = (typeof Reason)[keyof typeof Reason]

/** A reason code of 0x80 and above says that something failed. */
export function isFailure(reason: number): boolean {
  return reason >= 0x80
}

/** The CONNACK return code of MQTT 3.1.1 (table 3.1) nearest to a reason code. */
export function connackReturnCode(reason: ReasonCode): 0 | 1 | 2 | 3 | 4 | 5 {
  switch (reason) {
    case Reason.Success:
      return 0
    case Reason.UnsupportedProtocolVersion:
      return 1
    case Reason.ClientIdentifierNotValid:
      return 2
    case Reason.BadUserNameOrPassword:
      return 4
    case Reason.NotAuthorized:
    case Reason.Banned:
      return 5
    default:
      return 3
  }
}

/** A breach of the protocol, with the reason code that the connection is closed with. */
export class ProtocolViolation extends Error {
  readonly reason: ReasonCode
  constructor(reason: ReasonCode, message: string) {
    super(message)
    this.name = 'ProtocolViolation'
    this.reason = reason
  }
}
