// Whether the store answers: a store that cannot be reached differs from one that refuses a statement.
import { errors, types } from 'cassandra-driver'
import type { Store } from './port.ts'

/** The store cannot be reached, or has too few nodes for the statement. */
export class StoreUnavailable extends Error {
  constructor(cause: unknown) {
    super('the store does not answer', { cause })
    this.name = 'StoreUnavailable'
  }
}

const {
  unavailableException,
  readTimeout,
  writeTimeout,
  readFailure,
  writeFailure,
  overloaded,
  isBootstrapping,
} = types.responseErrorCodes
const AWAY: readonly number[] = [
  unavailableException,
  readTimeout,
  writeTimeout,
  readFailure,
  writeFailure,
  overloaded,
  isBootstrapping,
]

/** Also of an error that has the store's as its cause. */
export function saysUnavailable(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true
  if (error instanceof errors.NoHostAvailableError || error instanceof errors.OperationTimedOutError)
    return true
  if (error instanceof errors.ResponseError) return AWAY.includes(error.code)
  return error instanceof Error && error.cause !== undefined && saysUnavailable(error.cause)
}

/** The same store: an operation that finds no store rejects with `StoreUnavailable`. */
export function reportingUnavailable<S extends Store>(store: S): S {
  return wrapped(store)
}

function wrapped<T extends object>(part: T): T {
  return new Proxy(part, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member === 'object' && member !== null) return wrapped(member)
      if (typeof member !== 'function') return member
      return (...parameters: unknown[]) => {
        const answer: unknown = Reflect.apply(member, target, parameters)
        if (!(answer instanceof Promise)) return answer
        return answer.catch((cause: unknown) => {
          throw saysUnavailable(cause) && !(cause instanceof StoreUnavailable)
            ? new StoreUnavailable(cause)
            : cause
        })
      }
    },
  })
}
