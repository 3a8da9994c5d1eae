// Whether a CONNECT is admitted: by its token or its device's secret, its client id and its will.
import { type ClientId, parseClientId } from '../../../src/id/ids.ts'
import { parseSecret } from '../../../src/id/secret.ts'
import type { ConnectPacket } from '../../../src/mqtt/packet.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { refusal } from '../../../src/session/publish-refusal.ts'
import {
  type ConnectRefusal,
  claimsOf,
  DISABLED,
  LONG_WILL,
  NO_PASSWORD,
  OTHER_CLIENT,
  OTHER_CLIENT_ID,
  OTHER_FLEET,
  RESERVED_WILL,
  refuse,
} from '../../connect-refusal.ts'
import type { Platform } from '../../platform.ts'
import type { Admission, AwaitingConnect } from '../connection/attachment.ts'
import type { DeviceAccess } from './access.ts'

/** The client's admission, or the refusal. */
export async function admit(
  platform: Platform,
  client: ClientId,
  access: DeviceAccess,
  connect: ConnectPacket,
  { authenticated, global, secret }: AwaitingConnect,
): Promise<ConnectRefusal | Admission> {
  let admission: Admission = { global, credential: null }
  if (connect.properties.authenticationMethod !== undefined) return refuse(Reason.BadAuthenticationMethod) // [MQTT-4.12.0-1]
  if (connect.clientId === '' && connect.protocolVersion === 4 && !connect.cleanStart) {
    return refuse(Reason.ClientIdentifierNotValid) // [MQTT-3.1.3-8, 3.1.1]
  }
  if (!authenticated) {
    const password = secret ?? (connect.password === null ? null : new TextDecoder().decode(connect.password))
    if (password === null) return refuse(Reason.NotAuthorized, NO_PASSWORD)
    const admitted = await admitBy(password, platform, client, access)
    if ('refused' in admitted) return admitted
    admission = admitted
  }
  // From here on the client has proven who it is, so a refusal may name the cause.
  if (access.disabled) return refuse(Reason.NotAuthorized, DISABLED)
  if (connect.clientId !== '' && parseClientId(connect.clientId) === null)
    return refuse(Reason.ClientIdentifierNotValid)
  if (connect.clientId !== '' && connect.clientId !== client)
    return refuse(Reason.ClientIdentifierNotValid, OTHER_CLIENT_ID)
  if (connect.will !== null) {
    const { topic } = connect.will.message
    // Else the will could never be published, and would be tried again for ever.
    const refused = refusal(topic)
    if (refused !== null) return refuse(refused, refused === Reason.NotAuthorized ? RESERVED_WILL : LONG_WILL)
  }
  return admission
}

/** @param password a token, or a device's secret */
async function admitBy(
  password: string,
  platform: Platform,
  client: ClientId,
  access: DeviceAccess,
): Promise<ConnectRefusal | Admission> {
  if (parseSecret(password) !== null) {
    const admitted = await access.admit(password)
    return typeof admitted === 'number'
      ? refuse(admitted)
      : { global: false, credential: admitted.credential }
  }
  const claims = await claimsOf(password, platform)
  if ('refused' in claims) return claims
  if (claims.fleet !== platform.fleet) return refuse(Reason.NotAuthorized, OTHER_FLEET)
  if (claims.client !== client) return refuse(Reason.NotAuthorized, OTHER_CLIENT)
  return { global: claims.durability === 'global', credential: null }
}
