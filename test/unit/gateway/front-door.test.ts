/**
 * Who is let in, what is said to those who are not, and that bad frames end their own connection only.
 * Runs on: the test process, over fake shards.
 */
import { request } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import * as codecs from '../../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter } from '../../../native-free-core/protocol/frame.js'
import { messageRows } from '../../../native-free-core/protocol/message-table.js'
import { FrontDoor, isLoopbackAddress } from '../../../src/gateway/front-door.js'
import { apiOf, batchOf, codeOf, frontEnds, GatewayFixture } from '../../support/gateway-fixture.js'
import { Random, seedOfRun } from '../../support/random.js'

const replay = 'npx mocha build/test/unit/gateway/front-door.test.js'

for (const frontEnd of frontEnds) {
  describe(`front door over ${frontEnd}`, () => {
    let fixture: GatewayFixture

    afterEach(() => fixture.close())

    async function open(config = {}): Promise<void> {
      fixture = await GatewayFixture.open({ config: { frontEnd, ...config } })
    }

    async function refused(
      protocols: string[],
      headers: Record<string, string>,
    ): Promise<{ close: number; code: number; message: string }> {
      const client = await fixture.dial(protocols, headers)
      const { code } = await client.closed
      const failure = client.failure()!
      return { close: code, code: failure.code, message: JSON.stringify(client.texts[0] ?? failure.message) }
    }

    it('tells a page of a foreign origin which line of the configuration lets it in', async () => {
      await open()
      for (const protocol of ['streambus.v1', 'streambus.json.v1']) {
        const answer = await refused([protocol], { origin: 'https://evil.example' })
        expect(answer).to.include({ close: 4403, code: codeOf('ORIGIN_NOT_ALLOWED') })
        expect(answer.message).to.contain('allowedOrigins: [https://evil.example]')
      }
    })

    it('lets in allowed origins, and clients that are no page', async () => {
      await open({ allowedOrigins: ['https://dash.example'] })
      const page = await fixture.connect('streambus.v1', { origin: 'https://dash.example' })
      expect((await page.ask('Ping')).error).to.equal(undefined)
    })

    it('refuses a foreign Host, over HTTP too', async () => {
      await open()
      const answer = await refused(['streambus.v1'], { host: 'rebound.example:80' })
      expect(answer).to.include({ close: 4403, code: codeOf('HOST_NOT_ALLOWED') })
      expect(answer.message).to.contain('allowedHosts: [rebound.example]')
      const page = await get('/metrics', { host: 'rebound.example' })
      expect(page.status).to.equal(403)
      expect(page.body).to.contain('HOST_NOT_ALLOWED')
    })

    it('says which subprotocols there are to those who offer another, or none', async () => {
      await open()
      for (const protocols of [['mqtt'], []]) {
        expect(await refused(protocols, {})).to.include({ close: 4406, code: codeOf('UNSUPPORTED_SUBPROTOCOL') })
      }
    })

    it('turns away connections beyond maxConnections', async () => {
      await open({ maxConnections: 2 })
      await fixture.connect()
      const second = await fixture.connect()
      expect(await refused(['streambus.v1'], {})).to.include({ close: 4503, code: codeOf('TOO_MANY_CONNECTIONS') })
      second.ws.close()
      await second.closed
      for (;;) {
        const third = await fixture.dial(['streambus.v1'])
        const writer = new FrameWriter()
        const answer = third.put(writer, 'Hello', (body) =>
          codecs.writeHelloRequest(body, { protocolVersion: 1, clientName: '' }),
        )
        third.send(writer.view())
        // The broker may learn of the close a little later than we do.
        if (await Promise.race([answer.then(() => true), third.closed.then(() => false)])) break
      }
    })

    it('wants Hello first on streambus.v1', async () => {
      await open()
      const client = await fixture.dial(['streambus.v1'])
      void client.ask('Ping')
      expect((await client.closed).code).to.equal(4400)
      expect(client.failure()?.code).to.equal(codeOf('HANDSHAKE_REQUIRED'))
    })

    it('refuses protocol version 0 and agrees on the highest that both know', async () => {
      await open()
      const client = await fixture.dial(['streambus.v1'])
      void client.ask('Hello', (body) => codecs.writeHelloRequest(body, { protocolVersion: 0, clientName: '' }))
      await client.closed
      expect(client.failure()?.code).to.equal(codeOf('UNSUPPORTED_VERSION'))
      const newer = await fixture.dial(['streambus.v1'])
      const { error } = await newer.ask('Hello', (body) =>
        codecs.writeHelloRequest(body, { protocolVersion: 99, clientName: '' }),
      )
      expect(error).to.equal(undefined)
    })

    it('refuses a frame that is too large by name', async () => {
      await open({ maxFrameBytes: 64 * 1024 })
      const client = await fixture.connect()
      client.send(new Uint8Array(64 * 1024 + 1))
      expect((await client.closed).code).to.equal(4413)
      expect(client.failure()?.code).to.equal(codeOf('FRAME_TOO_LARGE'))
      const huge = await fixture.connect()
      huge.send(new Uint8Array(1 << 20))
      await huge.closed
    })

    it('closes a connection that says nothing, and tells it why', async () => {
      await open({ idleTimeoutMs: 100 })
      const client = await fixture.connect()
      expect((await client.closed).code).to.equal(4408)
      expect(client.failure()?.code).to.equal(codeOf('IDLE_TIMEOUT'))
    })

    it('is not ready before it is said to be, nor when a shard is offline', async () => {
      await open()
      fixture.gateway.becomeUnready(new StreamBusError('KAFKA_STORAGE_ERROR', 'the disk of shard 0 failed'), 0)
      const { status, body } = await get('/health/ready')
      expect(status).to.equal(503)
      expect(body).to.contain('the disk of shard 0 failed')
      expect((await get('/health/live')).status).to.equal(200)
    })

    it('ends only the connection of a malformed frame, by the thousand, on both subprotocols', async () => {
      const seed = seedOfRun()
      const random = new Random(seed)
      await open()
      const witness = await fixture.connect()
      try {
        for (let round = 0; round < 700; round++) await oneBadFrame(random, round)
        expect((await witness.produce(0, batchOf(3))).error).to.equal(undefined)
        expect((await witness.ask('Ping')).error).to.equal(undefined)
        expect(fixture.gateway.connectionCount).to.be.lessThan(5)
      } catch (error) {
        throw new Error(`seed ${seed}; replay: STREAMBUS_SEED=${seed} ${replay}`, { cause: error })
      }
    }).timeout(60_000)

    async function oneBadFrame(random: Random, round: number): Promise<void> {
      const isJson = round % 2 === 1
      const client = isJson ? await fixture.dial(['streambus.json.v1']) : await fixture.connect()
      for (let frame = 0; frame < 3; frame++) {
        if (isJson) client.ws.send(badJson(random))
        else client.send(badBinary(random))
      }
      if (isJson) client.ws.send(new Uint8Array([1]))
      else client.ws.send('text')
      const { code } = await client.closed
      expect(code).to.be.oneOf([4400, 4408, 4413])
      expect(client.failure()).not.to.equal(undefined)
    }

    it('survives sockets that die in the middle of a frame', async () => {
      await open()
      const witness = await fixture.connect()
      for (let round = 0; round < 50; round++) await dieInMidFrame(fixture.gateway.port, round)
      expect((await witness.ask('Ping')).error).to.equal(undefined)
    })

    it('answers health, readiness and metrics over HTTP, and nothing else', async () => {
      await open()
      await fixture.connect()
      expect((await get('/health/live')).status).to.equal(200)
      expect((await get('/health/ready')).status).to.equal(200)
      const metrics = await get('/metrics')
      expect(metrics.body).to.contain('streambus_connections{subprotocol="binary"} 1')
      expect(metrics.body).to.contain('streambus_ring_capacity_bytes{shard="0"}')
      expect((await get('/nothing')).status).to.equal(404)
      expect((await get('/health/live', {}, 'POST')).status).to.equal(405)
    })

    function get(
      path: string,
      headers: Record<string, string> = {},
      method = 'GET',
    ): Promise<{ status: number; body: string }> {
      return new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port: fixture.gateway.port, path, headers, method }, (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (text: string) => (body += text))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        })
        sent.on('error', reject).end()
      })
    }
  })
}

/** Right messages with a wrong byte here and there, wrong lengths, or noise. */
function badBinary(random: Random): Uint8Array {
  if (random.chance(0.2)) return random.bytes(random.below(200))
  const writer = new FrameWriter()
  const name = random.pick(['Metadata', 'Fetch', 'Produce', 'CreateTopic', 'Subscribe', 'Credit', 'Hello'])
  const body = writer.begin(
    random.chance(0.1) ? random.below(40) : apiOf(name),
    random.chance(0.1) ? random.below(8) : 0,
    random.word(),
  )
  if (name === 'Produce')
    codecs.writeProduceRequest(body, {
      partitionId: random.below(8),
      acks: random.pick([0, 1, -1, 5]),
      batch: batchOf(2),
    })
  else if (name === 'Fetch')
    codecs.writeFetchRequest(body, {
      partitionId: random.below(8),
      offset: random.below(5),
      maxBytes: random.word(),
      minBytes: random.word(),
      maxWaitMs: random.below(50),
    })
  else body.raw(random.bytes(random.below(60)))
  writer.end()
  const frame = writer.view().slice()
  for (let count = random.below(3); count > 0; count--) frame[random.below(frame.length)] = random.below(256)
  return random.chance(0.2) ? frame.slice(0, random.below(frame.length)) : frame
}

function badJson(random: Random): string {
  const texts = [
    '',
    '{',
    '[]',
    'null',
    '1',
    '"x"',
    '{"op":1}',
    '{"op":"produce"}',
    '{"id":{},"op":"ping"}',
    '{"op":"__proto__"}',
    '{"op":"fetch","topic":"t","partition":1e99,"offset":0}',
    '{"op":"produce","topic":"t","value":1,"key":5}',
    '{"op":"subscribe","topic":"t","partition":0,"creditBytes":-1}',
    `{"op":"metadata","topics":["${'x'.repeat(300)}"]}`,
    '{"op":"produce","topic":"t","value":"@@","encoding":"base64"}',
    '{"op":"createTopic","topic":"t","configs":{"a":1}}',
  ]
  const text = random.pick(texts)
  return random.chance(0.3) ? text.slice(0, random.below(text.length + 1)) : text
}

/** A WebSocket by hand: the header promises more than comes before the socket is cut. */
function dieInMidFrame(port: number, round: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.write(
      `GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Protocol: streambus.v1\r\n\r\n',
    )
    socket.once('data', () => {
      socket.write(Buffer.concat([Buffer.from([0x82, 0xfe, 0x10, 0x00, 1, 2, 3, 4]), Buffer.alloc(round * 37)]))
      setImmediate(() => (round % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()))
    })
  })
}

describe('FrontDoor', () => {
  const door = new FrontDoor({ host: '127.0.0.1', allowedHosts: ['Broker.example'], allowedOrigins: [] })
  const allowed = [
    'localhost',
    'localhost:9400',
    '127.0.0.1:9400',
    '[::1]:9400',
    '::1',
    'a.localhost',
    'broker.example:1',
    '127.9.9.9',
  ]
  const foreign = [
    '',
    'example.com',
    '127.0.0.1.example.com',
    '0.0.0.0',
    '10.0.0.1',
    '[::2]:9400',
    'localhost.example',
    '127.0.0.1@x',
  ]

  for (const host of allowed) it(`answers to ${host}`, () => expect(door.isAllowedHost(host)).to.equal(true))
  for (const host of foreign) it(`does not answer to "${host}"`, () => expect(door.isAllowedHost(host)).to.equal(false))

  it('knows loopback addresses', () => {
    expect(['127.0.0.1', '::1', 'localhost'].every(isLoopbackAddress)).to.equal(true)
    expect(['0.0.0.0', '::', '192.168.1.1'].some(isLoopbackAddress)).to.equal(false)
  })
})

describe('message table', () => {
  it('has no api twice', () => {
    const apis = Object.values(messageRows).map((row) => row.api)
    expect(new Set(apis).size).to.equal(apis.length)
  })
})
