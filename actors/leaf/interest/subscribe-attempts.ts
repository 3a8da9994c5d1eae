// Overlapping attempts to subscribe to one filter, which may end out of order: the subscription stands if any of them succeeds.
import type { ClientId } from '../../../src/id/ids.ts'

interface Attempts {
  open: number
  /** The subscription stood before, or one of the attempts has succeeded. */
  granted: boolean
}

export class SubscribeAttempts {
  private readonly underWay = new Map<string, Attempts>()

  /** @param granted which of the filters the client has subscribed to already */
  begin(client: ClientId, filters: readonly string[], granted: readonly boolean[]): void {
    filters.forEach((filter, i) => {
      const attempts = this.underWay.get(keyOf(client, filter))
      if (attempts !== undefined) attempts.open++
      else this.underWay.set(keyOf(client, filter), { open: 1, granted: granted[i] === true })
    })
  }

  /** @returns the filters to unsubscribe from: their last attempt has ended, and none has succeeded */
  end(client: ClientId, filters: readonly string[], succeeded: boolean): string[] {
    return filters.filter((filter) => {
      const key = keyOf(client, filter)
      const attempts = this.underWay.get(key)
      if (attempts === undefined) return false
      if (succeeded) attempts.granted = true
      if (--attempts.open > 0) return false
      this.underWay.delete(key)
      return !attempts.granted
    })
  }

  /** The client has unsubscribed: attempts that succeeded before do not count. */
  unsubscribed(client: ClientId, filters: readonly string[]): void {
    for (const filter of filters) {
      const attempts = this.underWay.get(keyOf(client, filter))
      if (attempts !== undefined) attempts.granted = false
    }
  }
}

function keyOf(client: ClientId, filter: string): string {
  return `${client} ${filter}`
}
