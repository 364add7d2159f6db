/**
 * Why a port can't be listened on, as errors that say what to do.
 * Runs on: main. Touches: a listening socket, for a moment.
 */
import { createServer } from 'node:net'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

export function listenError(error: unknown, host: string, port: number): StreamBusError {
  const code = (error as { code?: string }).code
  const where = `${host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return new StreamBusError('ADDRESS_IN_USE', `port is ${port}: ${where} is taken by another process`, {
        cause: error,
      })
    case 'EACCES':
      return new StreamBusError('ADDRESS_IN_USE', `port is ${port}: this user may not listen on ${where}`, {
        cause: error,
        remedy: 'Choose a port of 1024 or above.',
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StreamBusError('INVALID_CONFIG', `host is ${host}: this machine has no such address`, {
        cause: error,
        remedy: 'Set host to an address of this machine, such as 127.0.0.1.',
      })
    case undefined:
    default:
      return StreamBusError.from(error)
  }
}

/**
 * The port to listen on: `port`, or a free one for 0. Throws ADDRESS_IN_USE. For servers that share ports without
 * being asked (SO_REUSEPORT): two brokers would each get a part of the connections.
 */
export function probePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => reject(listenError(error, host, port)))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const found = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(found))
    })
  })
}
