// MQTT's reason codes for people and for scripts: their names, and the exit codes they become.
import { Reason } from '../mqtt/reason.ts'
import { Exit } from './exit.ts'

const NAMES = new Map<number, string>(
  Object.entries(Reason).map(([name, code]) => [code, name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')]),
)

/** `Not Authorized (0x87)`. */
export function reasonText(code: number): string {
  const hex = `0x${code.toString(16).toUpperCase().padStart(2, '0')}`
  const name = NAMES.get(code)
  return name === undefined ? hex : `${name} (${hex})`
}

export function reasonName(code: number): string {
  return NAMES.get(code) ?? 'Unknown'
}

/** The reason code of MQTT 5 for a return code of MQTT 3.1.1's CONNACK (table 3.1). */
export function reasonOfReturnCode(code: number): number {
  switch (code) {
    case 1:
      return Reason.UnsupportedProtocolVersion
    case 2:
      return Reason.ClientIdentifierNotValid
    case 3:
      return Reason.ServerUnavailable
    case 4:
      return Reason.BadUserNameOrPassword
    case 5:
      return Reason.NotAuthorized
    default:
      return Reason.UnspecifiedError
  }
}

export function exitOfReason(code: number): Exit {
  switch (code) {
    case Reason.BadUserNameOrPassword:
    case Reason.NotAuthorized:
    case Reason.Banned:
    case Reason.BadAuthenticationMethod:
      return Exit.NotAuthorized
    case Reason.ImplementationSpecificError: // The home, or a region that must agree, is out of reach.
    case Reason.ServerUnavailable:
    case Reason.ServerBusy:
    case Reason.ServerShuttingDown:
    case Reason.UseAnotherServer:
    case Reason.ServerMoved:
      return Exit.Unreachable
    default:
      return code < Reason.UnspecifiedError ? Exit.Fine : Exit.Failed
  }
}
