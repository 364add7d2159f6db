/**
 * The client's public face in browsers: the same as in Node.js.
 * Runs on: browsers, main thread and workers. Touches: nothing.
 */
import { type Client, connectOn, type ConnectOptions } from './client.js'
import { browserPlatform } from './platform/browser-platform.js'

export * from './exports.js'

/** Connects; rejects when no broker answers. A connection that is lost later is made again by itself. */
export function connect(options: ConnectOptions = {}): Promise<Client> {
  return connectOn(browserPlatform, options)
}
