// The context of the core's routes.
import { type ApiVariables, apiRoutes } from '../../src/api/public-api.ts'

/** `c.var.claims` are the claims of the request's token. */
export interface CoreApi {
  Variables: ApiVariables
}

/** A group of routes of the core's API; api.ts mounts it. */
export const coreRoutes = () => apiRoutes<CoreApi>()
