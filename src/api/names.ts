// The system's names as parameters of the public API.
import { z } from 'zod'
import {
  CLIENT_ID_BYTES_MAX,
  type ClientId,
  type FleetId,
  parseClientId,
  parseFleetId,
  type RegionId,
} from '../id/ids.ts'

/** Also the id of a device, which is a client. */
export const clientIdSchema = z
  .string()
  .min(1)
  .max(CLIENT_ID_BYTES_MAX)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern excludes them
  .regex(/^[^$/+#\u0000-\u001f\u007f-\u009f][^/+#\u0000-\u001f\u007f-\u009f]*$/, 'not a client id')
  .refine((text) => parseClientId(text) !== null, 'not a client id: at most 128 bytes, and not . or ..')
  .transform((text) => text as ClientId)
  .meta({
    description: '1 to 128 bytes, without / + # and control characters, not starting with $, not . or ..',
    example: 'lamp',
  })

export const fleetIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'not a fleet')
  .refine((text) => parseFleetId(text) !== null, 'not a fleet')
  .transform((text) => text as FleetId)
  .meta({ description: "The token's own fleet", example: 'default' })

/** In answers only. */
export const regionNameSchema = z
  .custom<RegionId>((value) => typeof value === 'string')
  .meta({
    type: 'string',
    description: 'A region',
    example: 'eu',
  })
