// What the groups of routes of the core's API share: their context.
import { type ApiVariables, apiRoutes } from '../../src/api/public-api.ts'

/** `c.var.claims` is whose token it is. */
export interface CoreApi {
  Variables: ApiVariables
}

/** A group of routes of the core's API; api.ts mounts it. */
export const coreRoutes = () => apiRoutes<CoreApi>()
