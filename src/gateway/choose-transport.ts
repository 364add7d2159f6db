/**
 * Which WebSocket server a broker runs on, and why.
 * Runs on: main. Touches: the file system (looks for one file).
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Transport, TransportOptions } from './transport.js'
import { createUwsTransport, loadUws, uwsBinaryPath } from './uws-transport.js'
import { createWsTransport } from './ws-transport.js'

export interface ChosenTransport {
  readonly transport: Transport
  readonly reason: string
}

/** `wanted`: the configuration's frontEnd. Throws UNSUITABLE_RUNTIME when uws is wanted and can't be had. */
export function chooseTransport(wanted: 'auto' | 'uws' | 'ws', options: TransportOptions): ChosenTransport {
  if (wanted === 'ws') return { transport: createWsTransport(options), reason: 'frontEnd: ws' }
  if (options.tls?.clientCa !== undefined) return withoutUws(wanted, options)
  const { platform, arch, version } = process
  if (uwsBinaryPath() === undefined) {
    return refuseOrFallBack(
      wanted,
      options,
      `uWebSockets.js has no binary for Node.js ${version} on ${platform} ${arch}`,
    )
  }
  try {
    return { transport: createUwsTransport(options), reason: `its binary fits Node.js ${version}` }
  } catch (error) {
    if (StreamBusError.is(error)) throw error
    const text = error instanceof Error ? error.message.split('\n')[0] : String(error)
    return refuseOrFallBack(wanted, options, `the binary of uWebSockets.js can't be loaded: ${text}`)
  }
}

/** Loads what will be chosen while the workers start: 5 ms less to wait for at the end. What is wrong is told then. */
export function preloadTransport(wanted: string): void {
  if (wanted === 'ws' || uwsBinaryPath() === undefined) return
  try {
    loadUws()
  } catch {
    // chooseTransport tries again and says it.
  }
}

/** It asks for a client's certificate and goes on without one, and tells nobody what it got. */
function withoutUws(wanted: 'auto' | 'uws', options: TransportOptions): ChosenTransport {
  const why = 'tlsClientCaFile is set, and uWebSockets.js does not enforce client certificates'
  if (wanted === 'auto') return { transport: createWsTransport(options), reason: why }
  throw new StreamBusError('UNSUITABLE_RUNTIME', `frontEnd is uws, but ${why}`, {
    remedy: 'Set frontEnd: auto or ws; or leave tlsClientCaFile out.',
  })
}

function refuseOrFallBack(wanted: 'auto' | 'uws', options: TransportOptions, why: string): ChosenTransport {
  if (wanted === 'auto') return { transport: createWsTransport(options), reason: why }
  throw new StreamBusError('UNSUITABLE_RUNTIME', `frontEnd is uws, but ${why}`, {
    remedy: 'Set frontEnd: auto or ws; or use Node.js 20.',
  })
}
