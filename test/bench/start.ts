import { startAedes } from './aedes.ts'
import { startMosquitto } from './mosquitto.ts'
import { startStarling } from './starling.ts'
import type { Absent, StartContext, System, SystemName } from './system.ts'

export const START: Record<SystemName, (context: StartContext) => Promise<System | Absent>> = {
  starling: startStarling,
  mosquitto: startMosquitto,
  aedes: startAedes,
}
