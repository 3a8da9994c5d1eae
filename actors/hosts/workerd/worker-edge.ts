// The edge port over a Worker and its Durable Objects.
import { actorName } from '../../../src/id/actor-name.ts'
import type { Edge } from '../../http/edge.ts'
import { chosenTopics } from './chosen-topics.ts'
import { coreClient } from './core-fetch.ts'
import type { Env } from './env.ts'
import { logError } from './log.ts'
import { namespaceOf, StubCache } from './peers.ts'
import { locationHint, regionOf, servedRegions } from './region.ts'
import { listedFleets, unprovenPerMinute, uplinkShards } from './settings.ts'
import { upgradeRequest } from './upgrade.ts'

export function workerEdge(env: Env): Edge {
  const upgrade: Edge['upgrade'] = (address, facts, subprotocol) =>
    namespaceOf(env, address.kind)
      .getByName(actorName(address), locationHint(address.region, env))
      .fetch(upgradeRequest(facts, subprotocol))
  return {
    clientTokenSecret: env.CLIENT_TOKEN_SECRET,
    relaySecret: env.RELAY_SECRET,
    get regions() {
      return servedRegions(env)
    },
    get history() {
      return chosenTopics(env)
    },
    takesUnproven: (fleet) => listedFleets(env)(fleet),
    unprovenPerMinute: unprovenPerMinute(env),
    // Cloudflare sets it, whatever the client says.
    addressOf: (request) => request.headers.get('cf-connecting-ip'),
    uplinkShards: uplinkShards(env),
    regionOf: (request) => regionOf(request, env),
    actors: () => new StubCache(env),
    core: (region) => coreClient(env, region),
    upgrade,
    open: async (address, facts, events) => {
      const { webSocket: socket } = await upgrade(address, facts, 'mqtt')
      if (socket === null) throw new Error('the actor accepted no WebSocket')
      socket.binaryType = 'arraybuffer'
      socket.accept()
      socket.addEventListener('message', ({ data }) => {
        if (data instanceof ArrayBuffer) events.frame(new Uint8Array(data))
      })
      socket.addEventListener('close', () => events.ended())
      socket.addEventListener('error', () => events.ended())
      return { send: (frame) => socket.send(frame), close: () => socket.close(1000, '') }
    },
    asset: async (file) => {
      const asset = await env.ASSETS?.fetch(`https://assets/docs/${file}`)
      return asset?.ok === true ? asset.body : null
    },
    report: logError,
  }
}
