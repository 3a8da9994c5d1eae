// What the DeviceActor of a client asks of the FrontActor that holds the client's socket.

export interface FrontPeer {
  send(frame: Uint8Array): Promise<void>
  close(code: number, reason: string): Promise<void>
}
