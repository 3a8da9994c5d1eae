// DeviceActor as workerd runs it: events and calls in, to the device behind its gate.
import { DurableObject } from 'cloudflare:workers'
import type { ClientId } from '../../../src/id/ids.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { ExplainAsked } from '../../../src/relay/explain.ts'
import { Gate } from '../../device/connection/gate.ts'
import type { DevicePeer } from '../../device/device-peer.ts'
import { leafFacts } from '../../explain/leaf-facts.ts'
import type { Env } from './env.ts'
import { upgrade } from './upgrade.ts'
import { WorkerdPlatform } from './workerd-platform.ts'

/** `local` or `global`: the durability that the token says. */
export const AUTHENTICATED_HEADER = 'x-starling-authenticated'

/** A device's secret that came with the upgrade. */
export const SECRET_HEADER = 'x-starling-secret'

export class DeviceActor extends DurableObject<Env> implements DevicePeer {
  private readonly platform: WorkerdPlatform
  private readonly gate: Gate

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.platform = new WorkerdPlatform(ctx, env, 'device')
    this.gate = new Gate(this.platform, this.platform.address.id as ClientId)
  }

  override fetch(request: Request): Response {
    const { response, socket } = upgrade(this.ctx, request)
    const durability = request.headers.get(AUTHENTICATED_HEADER)
    this.gate.opened(
      this.platform.connection(socket),
      durability !== null,
      durability === 'global',
      request.headers.get(SECRET_HEADER),
    )
    return response
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | void {
    const connection = this.platform.connection(socket)
    if (typeof message === 'string') return this.gate.breach(connection)
    return this.gate.frame(connection, new Uint8Array(message))
  }

  override webSocketClose(socket: WebSocket): void {
    const connection = this.platform.connection(socket)
    this.gate.closed(connection)
    connection.close(1000, '')
  }

  override webSocketError(socket: WebSocket): void {
    this.gate.closed(this.platform.connection(socket))
  }

  override async alarm(): Promise<void> {
    this.platform.alarmWent()
    await this.gate.alarm()
    await this.platform.settled()
  }

  publish(...[publisher, batch]: Parameters<DevicePeer['publish']>) {
    return this.gate.device.leaf.publish(publisher, unpackBatch(batch))
  }

  publishOwn(...[batch, key]: Parameters<DevicePeer['publishOwn']>) {
    return this.gate.device.publishRequests.publish(unpackBatch(batch), key)
  }

  subscribe(...parameters: Parameters<DevicePeer['subscribe']>) {
    return this.gate.device.leaf.subscribe(...parameters)
  }

  async unsubscribe(...parameters: Parameters<DevicePeer['unsubscribe']>) {
    this.gate.device.leaf.unsubscribe(...parameters)
  }

  receive(...parameters: Parameters<DevicePeer['receive']>) {
    return this.gate.device.leaf.receive(...parameters)
  }

  shadow(...parameters: Parameters<DevicePeer['shadow']>) {
    return this.gate.device.leaf.shadow(...parameters)
  }

  command(...parameters: Parameters<DevicePeer['command']>) {
    return this.gate.device.commands.ask(...parameters)
  }

  share(...[session, batch]: Parameters<DevicePeer['share']>) {
    return this.gate.device.leaf.share(session, unpackBatch(batch))
  }

  interest(...parameters: Parameters<DevicePeer['interest']>) {
    return this.gate.device.leaf.interest(...parameters)
  }

  drained(...parameters: Parameters<DevicePeer['drained']>) {
    return this.gate.device.leaf.drained(...parameters)
  }

  homeKnown() {
    return this.gate.device.leaf.homeKnown()
  }

  historySeam(...parameters: Parameters<DevicePeer['historySeam']>) {
    return this.gate.device.leaf.historySeam(...parameters)
  }

  fence(...parameters: Parameters<DevicePeer['fence']>) {
    return this.gate.device.leaf.fence(...parameters)
  }

  async retainedFor(...parameters: Parameters<DevicePeer['retainedFor']>) {
    return this.gate.device.leaf.retainedFor(...parameters)
  }

  async explainTopic(asked: ExplainAsked) {
    return leafFacts(this.gate.device.leaf, asked, this.platform.now())
  }

  async handover(...parameters: Parameters<DevicePeer['handover']>) {
    return this.gate.device.moving.handover(...parameters)
  }

  release(...parameters: Parameters<DevicePeer['release']>) {
    return this.gate.device.moving.release(...parameters)
  }

  deliver(...[session, batch]: Parameters<DevicePeer['deliver']>) {
    return this.gate.device.deliver(session, unpackBatch(batch))
  }

  presence(...[epoch]: Parameters<DevicePeer['presence']>) {
    return this.gate.device.presence.ask(epoch)
  }

  async accessChanged(...parameters: Parameters<DevicePeer['accessChanged']>) {
    this.gate.accessChanged(...parameters)
  }

  async explainReceiver(asked: ExplainAsked) {
    return this.gate.device.explaining.receiver(asked)
  }

  async explainPublisher(asked: ExplainAsked) {
    return this.gate.device.explaining.publisher(asked)
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
