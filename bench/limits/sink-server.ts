/**
 * The sink: counts what arrives and answers each frame with as many bytes as a produce response has. Prints its port.
 * node build/bench/limits/sink-server.js uws|ws
 * Runs on: a process of its own; ends with its parent. Touches: loopback.
 */
import { createRequire } from 'node:module'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { TemplatedApp } from 'uWebSockets.js'
import { WebSocketServer } from 'ws'
import { uwsBinaryPath } from '../../src/gateway/uws-transport.js'

const answer = new Uint8Array(40)
const maxFrameBytes = 64 << 20

interface UwsModule {
  App(): TemplatedApp
  us_socket_local_port(socket: unknown): number
}

function serveUws(): number {
  const path = uwsBinaryPath()
  if (path === undefined) throw new Error(`there is no binary of uWebSockets.js for Node.js ${process.version}`)
  const uws = createRequire(import.meta.url)(path) as UwsModule
  let port = 0
  uws
    .App()
    .ws('/*', { maxPayloadLength: maxFrameBytes, idleTimeout: 0, message: (ws) => void ws.send(answer, true) })
    .listen('127.0.0.1', 0, (socket) => {
      if (socket) port = uws.us_socket_local_port(socket)
    })
  return port
}

async function serveWs(): Promise<number> {
  const options = { host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload: maxFrameBytes }
  const server = new WebSocketServer(options)
  server.on('connection', (socket) => socket.on('message', () => socket.send(answer)))
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

process.stdin.on('end', () => process.exit(0)).resume()
process.stdout.write(`${process.argv[2] === 'uws' ? serveUws() : await serveWs()}\n`)
