// What a FrontActor answers to the DeviceActor whose client it holds the socket of.

export interface FrontPeer {
  send(frame: Uint8Array): Promise<void>
  close(code: number, reason: string): Promise<void>
}
