/**
 * The client's platform in browsers: their WebSocket, and gzip by fflate.
 * Runs on: browsers, main thread and workers. Touches: nothing by itself.
 */
import { releaseVersion } from '../../../native-free-core/version.js'
import { gunzip, gzip } from './browser-gzip.js'
import { BrowserSocket } from './browser-socket.js'
import type { Packer, Platform } from './platform.js'

export const browserPlatform: Platform = {
  defaultClientName: `streambus-browser/${releaseVersion}`,
  prepare: () => {},
  openSocket: (request, listener) => new BrowserSocket(request, listener),
  atEndOfTurn,
  viewOf: (bytes, start, end) => bytes.subarray(start, end),
  textOf: (bytes, start, end) => decoder.decode(bytes.subarray(start, end)),
  packer: (name) => (name === 'gzip' ? gzipPacker : undefined),
  packerRemedy: (name) => `Browsers pack and unpack gzip: produce with gzip what they read, not with ${name}.`,
}

const gzipPacker: Packer = { pack: gzip, unpack: gunzip }

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
let channel: MessageChannel | undefined
let callbacks: (() => void)[] = []

/** By a message to itself: timers that follow each other are 4 ms late in a browser, and seconds in a hidden tab. */
function atEndOfTurn(callback: () => void): void {
  callbacks.push(callback)
  if (callbacks.length > 1) return
  channel ??= newChannel()
  channel.port2.postMessage(undefined)
}

function newChannel(): MessageChannel {
  const made = new MessageChannel()
  made.port1.onmessage = () => {
    const due = callbacks
    callbacks = []
    for (const callback of due) callback()
  }
  return made
}
