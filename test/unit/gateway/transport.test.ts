/**
 * The contract of transports: bytes are the caller's again when `send` returns, and a port that is taken is refused.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { chooseTransport } from '../../../src/gateway/choose-transport.js'
import { plainAddress, type Socket, type Transport, type TransportOptions } from '../../../src/gateway/transport.js'
import { frontEnds } from '../../support/gateway-fixture.js'

const frameCount = 300

describe('plainAddress', () => {
  it('is what people write', () => {
    const table = {
      '10.0.0.1': '10.0.0.1',
      '::1': '::1',
      '::ffff:10.0.0.1': '10.0.0.1',
      '0000:0000:0000:0000:0000:ffff:7f00:0001': '127.0.0.1',
      '0000:0000:0000:0000:0000:0000:0000:0001': '::1',
      '2001:0DB8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
      'fe80::1%eth0': 'fe80::1',
      '': '',
    }
    for (const [given, plain] of Object.entries(table)) expect(plainAddress(given), given).to.equal(plain)
  })
})
const frameBytes = 64 * 1024

function optionsFor(port: number, open: (socket: Socket) => void): TransportOptions {
  return {
    host: '127.0.0.1',
    port,
    maxPayloadBytes: 1 << 20,
    maxBackpressureBytes: 64 << 20,
    maxUnprovenBytes: 64 << 10,
    maxSockets: 100,
    tls: undefined,
    tlsFailed: () => undefined,
    http: () => ({ status: 200, contentType: 'text/plain', body: 'x' }),
    upgrade: () => ({
      protocol: undefined,
      open: (socket) => {
        open(socket)
        return { onMessage: () => undefined, onDrain: () => undefined, onClose: () => undefined }
      },
    }),
  }
}

for (const kind of frontEnds) {
  describe(`${kind} transport`, () => {
    const transports: Transport[] = []
    const make = (port: number, open: (socket: Socket) => void): Transport => {
      const { transport } = chooseTransport(kind, optionsFor(port, open))
      transports.push(transport)
      return transport
    }
    afterEach(async () => {
      for (const transport of transports.splice(0)) await transport.close()
    })

    it('keeps nothing of the bytes, though the reader is slow and the memory is shared and used again', async () => {
      let buffered = 0
      const transport = make(0, (socket) => {
        const bytes = new Uint8Array(new SharedArrayBuffer(frameBytes))
        for (let frame = 0; frame < frameCount; frame++) {
          bytes.fill(frame & 255)
          expect(socket.send(bytes)).to.equal(true)
        }
        bytes.fill(0xee)
        buffered = socket.bufferedBytes()
      })
      const client = new WebSocket(`ws://127.0.0.1:${await transport.listen()}`)
      client.pause()
      let frame = 0
      const wrong: number[] = []
      const done = new Promise<void>((resolve) => {
        client.on('message', (data: Buffer) => {
          if (data.length !== frameBytes || data.some((byte) => byte !== (frame & 255))) wrong.push(frame)
          if (++frame === frameCount) resolve()
        })
      })
      await new Promise((resolve) => setImmediate(resolve))
      client.resume()
      await done
      client.terminate()
      expect(wrong).to.deep.equal([])
      expect(buffered).to.be.greaterThan(1 << 20)
    }).timeout(20_000)

    it('refuses a port that another broker listens on', async () => {
      const port = await make(0, () => undefined).listen()
      const error: unknown = await make(port, () => undefined)
        .listen()
        .then(
          () => undefined,
          (reason: unknown) => reason,
        )
      expect(StreamBusError.is(error) && error.name).to.equal('ADDRESS_IN_USE')
      expect((error as Error).message).to.contain(`127.0.0.1:${port}`)
    })

    it('refuses an address that this machine does not have', async () => {
      const { transport } = chooseTransport(kind, { ...optionsFor(0, () => undefined), host: '203.0.113.7' })
      transports.push(transport)
      const error: unknown = await transport.listen().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(StreamBusError.is(error) && error.name).to.equal('INVALID_CONFIG')
    })
  })
}
