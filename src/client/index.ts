/**
 * The client's public face in Node.js.
 * Runs on: main thread of clients. Touches: nothing.
 */
import { type Client, connectOn, type ConnectOptions } from './client.js'
import { nodePlatform } from './platform/node-platform.js'

export * from './exports.js'

/** Connects; rejects when no broker answers. A connection that is lost later is made again by itself. */
export function connect(options: ConnectOptions = {}): Promise<Client> {
  return connectOn(nodePlatform, options)
}
