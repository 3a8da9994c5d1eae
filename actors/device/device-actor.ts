// A client's actor as hosts run it: the events of its sockets go to the gate, the calls of others to the device behind it.
import type { ClientId } from '../../src/id/ids.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { ExplainAsked } from '../../src/relay/explain.ts'
import type { SocketActor, Upgrade } from '../actor.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { LeafAnswers } from '../leaf/leaf-answers.ts'
import type { Connection, Platform } from '../platform.ts'
import { Gate } from './admission/gate.ts'
import type { DevicePeer } from './device-peer.ts'
import { administer } from './session-admin.ts'

export class DeviceActor extends LeafAnswers implements DevicePeer, SocketActor {
  readonly gate: Gate

  constructor(platform: Platform) {
    super(platform)
    this.gate = new Gate(platform, platform.address.id as ClientId)
  }

  protected override get leaf(): Leaf {
    return this.gate.device.leaf
  }

  opened(connection: Connection, { token, secret }: Upgrade): void {
    this.gate.opened(connection, token !== null, token === 'global', secret)
  }

  frame(connection: Connection, frame: Uint8Array): Promise<void> {
    return this.gate.frame(connection, frame)
  }

  textFrame(connection: Connection): void {
    this.gate.breach(connection)
  }

  closed(connection: Connection): void {
    this.gate.closed(connection)
  }

  alarm(): Promise<void> {
    return this.gate.alarm()
  }

  async beginsRoot() {
    return this.gate.device.parts.rootBudget.take()
  }

  publishOwn(...[batch, key]: Parameters<DevicePeer['publishOwn']>) {
    return this.gate.device.parts.publishRequests.publish(unpackBatch(batch), key)
  }

  shadow(...parameters: Parameters<DevicePeer['shadow']>) {
    return this.gate.device.parts.shadows.request(...parameters)
  }

  command(...parameters: Parameters<DevicePeer['command']>) {
    return this.gate.device.parts.commands.ask(...parameters)
  }

  async handover(...parameters: Parameters<DevicePeer['handover']>) {
    return this.gate.device.parts.handover.handover(...parameters)
  }

  release(...parameters: Parameters<DevicePeer['release']>) {
    return this.gate.device.parts.handover.release(...parameters)
  }

  deliver(...[session, batch]: Parameters<DevicePeer['deliver']>) {
    return this.gate.device.deliver(session, unpackBatch(batch))
  }

  presence(...[epoch]: Parameters<DevicePeer['presence']>) {
    return this.gate.device.parts.presence.ask(epoch)
  }

  session(...[verb, epoch]: Parameters<DevicePeer['session']>) {
    return administer(this.platform, this.gate.device, verb, epoch)
  }

  async accessChanged(...parameters: Parameters<DevicePeer['accessChanged']>) {
    this.gate.accessChanged(...parameters)
  }

  async explainReceiver(asked: ExplainAsked) {
    return this.gate.device.parts.facts.receiver(asked)
  }

  async explainPublisher(asked: ExplainAsked) {
    return this.gate.device.parts.facts.publisher(asked)
  }

  async frontOpened(name: string) {
    this.gate.frontOpened(name)
  }

  async frontFrames(name: string, batch: Uint8Array) {
    this.gate.frontFrames(name, batch)
  }

  async frontClosed(name: string) {
    this.gate.frontClosed(name)
  }
}
