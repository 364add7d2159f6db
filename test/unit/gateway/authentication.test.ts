/**
 * Tokens at the door, on both front ends and both subprotocols: right, wrong, absent, revoked and hostile ones.
 * Runs on: the test process, over fake shards.
 */
import { request } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import * as codecs from '../../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter } from '../../../native-free-core/protocol/frame.js'
import { AuthenticationFailures } from '../../../src/gateway/authentication-failures.js'
import type { AuditEntry } from '../../../src/gateway/audit.js'
import type { Role } from '../../../src/gateway/principal.js'
import { createToken, type TokenEntry, TokenTable } from '../../../src/gateway/token-table.js'
import { apiOf, batchOf, codeOf, frontEnds, GatewayFixture, type RawClient } from '../../support/gateway-fixture.js'

const tokens = { admin: createToken(), writer: createToken(), reader: createToken(), other: createToken() }
type Name = keyof typeof tokens

function entry(name: Name, roles: readonly Role[], topics: readonly string[]): TokenEntry {
  return { name, roles, topics, tokenHash: tokens[name].tokenHash, certificateName: undefined }
}

const entries = [
  entry('admin', ['admin'], []),
  entry('writer', ['produce'], ['t']),
  entry('reader', ['consume'], ['t']),
  entry('other', ['produce', 'consume'], ['payments.']),
]
const failedCode = codeOf('SASL_AUTHENTICATION_FAILED')
const requiredCode = codeOf('AUTHENTICATION_REQUIRED')
const binary = 'streambus.v1'
const json = 'streambus.json.v1'

const fetchAll = { partitionId: 0, offset: 0, maxBytes: 1 << 20, minBytes: 0, maxWaitMs: 0 }

for (const frontEnd of frontEnds) {
  describe(`authentication (${frontEnd})`, () => {
    let fixture: GatewayFixture

    async function open(config: Record<string, number> = {}, firstFailureDelayMs = 1): Promise<void> {
      const tokenTable = new TokenTable(entries)
      fixture = await GatewayFixture.open({ config: { frontEnd, ...config }, tokens: tokenTable, firstFailureDelayMs })
    }
    afterEach(() => fixture.close())

    for (const protocol of [binary, json]) {
      it(`lets in who has a token, by name (${protocol})`, async () => {
        await open()
        const { principal, client } = await fixture.authenticate(tokens.reader.token, protocol)
        expect(principal).to.equal('reader')
        expect(fixture.gateway.connectionCount).to.equal(1)
        expect(client.failure()).to.equal(undefined)
      })

      it(`refuses a wrong token, closes, and counts it (${protocol})`, async () => {
        await open()
        const { error, client } = await fixture.authenticate(createToken().token, protocol)
        expect(error).to.equal(failedCode)
        expect((await client.closed).code).to.equal(4401)
        expect(client.failure()?.code).to.equal(failedCode)
        expect(await metrics()).to.contain('streambus_authentication_failures_total{reason="token"} 1')
        expect(fixture.audit).to.have.length(1)
        expect(fixture.audit[0]).to.deep.include({ operation: 'Authenticate', outcome: 'denied', address: '127.0.0.1' })
      })

      it(`takes no token that a person might have chosen (${protocol})`, async () => {
        await open()
        for (const text of ['', 'secret', 'x'.repeat(47), `sbt_${'a'.repeat(42)}`, `${tokens.admin.token}=`]) {
          expect((await fixture.authenticate(text, protocol)).error, text).to.equal(failedCode)
        }
      }).timeout(10_000)
    }

    it('wants the token in the frame of Hello, and says so', async () => {
      await open()
      const client = await fixture.dial([binary])
      void client.ask('Hello', (body) => codecs.writeHelloRequest(body, { protocolVersion: 1, clientName: '' }))
      expect((await client.closed).code).to.equal(4401)
      expect(client.failure()?.code).to.equal(requiredCode)
      expect(client.failure()?.message).to.contain('--token')
      expect(await metrics()).to.contain('streambus_authentication_failures_total{reason="missing"} 1')
    })

    it('looks at nothing else before', async () => {
      await open()
      const client = await fixture.dial([json])
      const answer = await client.json({ op: 'metadata' })
      expect(answer['error']).to.include({ name: 'AUTHENTICATION_REQUIRED' })
      await client.closed
      const produced = await fixture.dial([binary])
      const writer = new FrameWriter()
      const hello = { protocolVersion: 1, clientName: '' }
      void produced.put(writer, 'Hello', (body) => codecs.writeHelloRequest(body, hello))
      const batch = { partitionId: 0, acks: -1, batch: batchOf(1) }
      void produced.put(writer, 'Produce', (body) => codecs.writeProduceRequest(body, batch))
      produced.send(writer.view())
      await produced.closed
      expect(fixture.shards[0]!.producedCount).to.equal(0)
    })

    it('serves what comes in the same frame after the token', async () => {
      await open()
      const client = await fixture.dial([binary])
      const writer = new FrameWriter()
      const hello = { protocolVersion: 1, clientName: '' }
      void client.put(writer, 'Hello', (body) => codecs.writeHelloRequest(body, hello))
      const authenticate = { mechanism: 'TOKEN', token: tokens.writer.token }
      void client.put(writer, 'Authenticate', (body) => codecs.writeAuthenticateRequest(body, authenticate))
      const batch = { partitionId: 0, acks: -1, batch: batchOf(1) }
      const produced = client.put(writer, 'Produce', (body) => codecs.writeProduceRequest(body, batch))
      client.send(writer.view())
      expect((await produced).error).to.equal(undefined)
    })

    it('names the mechanisms that there are', async () => {
      await open()
      const client = await fixture.dial([binary])
      const writer = new FrameWriter()
      const hello = { protocolVersion: 1, clientName: '' }
      void client.put(writer, 'Hello', (body) => codecs.writeHelloRequest(body, hello))
      const scram = { mechanism: 'SCRAM-SHA-512', token: tokens.admin.token }
      const answer = client.put(writer, 'Authenticate', (body) => codecs.writeAuthenticateRequest(body, scram))
      client.send(writer.view())
      const { error } = await answer
      expect(error?.code).to.equal(codeOf('UNSUPPORTED_SASL_MECHANISM'))
      expect(error?.message).to.contain('this broker knows TOKEN')
    })

    it('gives each role its rights, and no names to those who may not see them', async () => {
      await open()
      const { client: writer } = await fixture.authenticate(tokens.writer.token)
      const { client: reader } = await fixture.authenticate(tokens.reader.token)
      const { client: other } = await fixture.authenticate(tokens.other.token)
      expect((await writer.produce(0, batchOf(3))).error).to.equal(undefined)
      expect((await reader.fetch(fetchAll)).error).to.equal(undefined)
      for (const refused of [await writer.fetch(fetchAll), await reader.produce(0, batchOf(1))]) {
        expect(refused.error?.code).to.equal(codeOf('TOPIC_AUTHORIZATION_FAILED'))
      }
      const foreign = (await other.produce(0, batchOf(1))).error
      expect(foreign?.message).to.equal(
        'other (roles produce, consume; topics payments.) lacks the right to write the topic of partition id 0',
      )
      expect((await other.produce(4711, batchOf(1))).error?.code).to.equal(codeOf('UNKNOWN_TOPIC_ID'))
      const names = await other.ask('Metadata', (body) => codecs.writeMetadataRequest(body, { all: true, names: [] }))
      expect(Buffer.from(names.body).includes(Buffer.from('\0\x01t'))).to.equal(false)
      const { client: text } = await fixture.authenticate(tokens.other.token, json)
      for (const topic of ['t', 'nothing']) {
        const answer = await text.json({ op: 'fetch', topic, partition: 0, offset: 0 })
        expect(answer['error'], topic).to.include({ name: 'TOPIC_AUTHORIZATION_FAILED' })
      }
    })

    it('writes down who changes topics, and who tried to', async () => {
      await open()
      const { client: admin } = await fixture.authenticate(tokens.admin.token)
      const { client: writer } = await fixture.authenticate(tokens.writer.token)
      const topic = { name: 'n', partitions: 2, replicationFactor: 1, configs: [{ name: 'a', value: 'b' }] }
      await admin.ask('CreateTopic', (body) => codecs.writeCreateTopicRequest(body, topic))
      await writer.ask('DeleteTopic', (body) => codecs.writeDeleteTopicRequest(body, { name: 't' }))
      await writer.ask('DeleteRecords', (body) =>
        codecs.writeDeleteRecordsRequest(body, { partitionId: 1, beforeOffset: -1 }),
      )
      const details = { partitions: 2, replicationFactor: 1, configs: { a: 'b' } }
      const address = '127.0.0.1'
      expect(fixture.audit).to.deep.equal([
        {
          principal: 'admin',
          address,
          operation: 'CreateTopic',
          resource: 'topic',
          resourceName: 'n',
          details,
          outcome: 'done',
        },
        {
          principal: 'writer',
          address,
          operation: 'DeleteTopic',
          resource: 'topic',
          resourceName: 't',
          outcome: 'denied',
          error: 'TOPIC_AUTHORIZATION_FAILED',
          details: { message: 'writer (roles produce; topics t) lacks the right to delete topic "t"' },
        },
        {
          principal: 'writer',
          address,
          operation: 'DeleteRecords',
          resource: 'topic',
          resourceName: 't',
          outcome: 'denied',
          error: 'TOPIC_AUTHORIZATION_FAILED',
          details: {
            partition: 1,
            partitionId: 1,
            beforeOffset: -1,
            message: 'writer (roles produce; topics t) lacks the right to delete the topic of partition id 1',
          },
        },
      ])
    })

    describe('when tokens change', () => {
      it('ends the connections of a token that was revoked, at once, and no others', async () => {
        await open()
        const { client: reader } = await fixture.authenticate(tokens.reader.token)
        const { client: writer } = await fixture.authenticate(tokens.writer.token)
        fixture.gateway.replaceTokens(new TokenTable(entries.filter(({ name }) => name !== 'reader')))
        expect((await reader.closed).code).to.equal(4401)
        expect(reader.failure()).to.include({ code: failedCode })
        expect(reader.failure()?.message).to.contain('was revoked')
        expect((await writer.produce(0, batchOf(1))).error).to.equal(undefined)
        expect((await fixture.authenticate(tokens.reader.token)).error).to.equal(failedCode)
      })

      it('takes rights away from open connections, subscriptions included', async () => {
        await open()
        const { client } = await fixture.authenticate(tokens.reader.token)
        await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -1, creditBytes: 1000 })
        fixture.gateway.replaceTokens(new TokenTable([entry('reader', ['consume'], ['elsewhere.'])]))
        await client.until(() => client.pushes('SubscriptionEnd', codecs.readSubscriptionEndPush).length > 0)
        const [end] = client.pushes('SubscriptionEnd', codecs.readSubscriptionEndPush)
        expect(end).to.include({ subscriptionId: 1, code: codeOf('TOPIC_AUTHORIZATION_FAILED') })
        expect((await client.fetch(fetchAll)).error?.code).to.equal(codeOf('TOPIC_AUTHORIZATION_FAILED'))
        expect(fixture.gateway.subscriptionCount).to.equal(0)
      })

      it('takes another token on an open connection', async () => {
        await open()
        const { client } = await fixture.authenticate(tokens.reader.token)
        const next = { mechanism: 'TOKEN', token: tokens.writer.token }
        const { error } = await client.ask('Authenticate', (body) => codecs.writeAuthenticateRequest(body, next))
        expect(error).to.equal(undefined)
        expect((await client.produce(0, batchOf(1))).error).to.equal(undefined)
        expect((await client.fetch(fetchAll)).error?.code).to.equal(codeOf('TOPIC_AUTHORIZATION_FAILED'))
      })

      it('gives new rights to open connections', async () => {
        await open()
        const { client } = await fixture.authenticate(tokens.writer.token)
        expect((await client.fetch(fetchAll)).error).not.to.equal(undefined)
        fixture.gateway.replaceTokens(new TokenTable([entry('writer', ['produce', 'consume'], ['t'])]))
        expect((await client.fetch(fetchAll)).error).to.equal(undefined)
      })
    })

    describe('against those who mean harm', () => {
      it('survives tokens that are huge, hold NUL or are no text', async () => {
        await open()
        const { client: witness } = await fixture.authenticate(tokens.writer.token)
        for (const token of ['\0', `sbt_\0${'a'.repeat(42)}`, 'ü'.repeat(500), 'x'.repeat(10_000)]) {
          for (const protocol of [binary, json]) {
            expect((await fixture.authenticate(token, protocol)).error).to.equal(failedCode)
          }
        }
        const huge = await fixture.dial([binary])
        void huge.greet('x'.repeat(20_000))
        expect((await huge.closed).code).to.equal(4413)
        const noText = await fixture.dial([binary])
        noText.send(helloWithTokenBytes(Buffer.from([0xff, 0xfe, 0x80])))
        expect((await noText.closed).code).to.equal(4400)
        expect((await witness.produce(0, batchOf(1))).error).to.equal(undefined)
      }).timeout(20_000)

      it('closes the oldest when too many have not authenticated; the others go on', async () => {
        await open({ maxUnauthenticatedConnections: 3 })
        const { client: witness } = await fixture.authenticate(tokens.writer.token)
        const silent: RawClient[] = []
        for (let count = 0; count < 5; count++) silent.push(await fixture.dial([binary]))
        for (const first of silent.slice(0, 2)) {
          expect((await first.closed).code).to.equal(4503)
          expect(first.failure()?.code).to.equal(codeOf('TOO_MANY_CONNECTIONS'))
        }
        expect(await metrics()).to.contain('streambus_unauthenticated_connections 3')
        expect((await fixture.authenticate(tokens.reader.token)).principal).to.equal('reader')
        expect((await witness.produce(0, batchOf(1))).error).to.equal(undefined)
      })

      it('answers each failure later than the one before, and a right token meanwhile', async () => {
        await open({}, 50)
        const durationOf = async (token: string): Promise<number> => {
          const startedMs = performance.now()
          await fixture.authenticate(token)
          return performance.now() - startedMs
        }
        expect(await durationOf(createToken().token)).to.be.greaterThan(49)
        expect(await durationOf(createToken().token)).to.be.greaterThan(99)
        const order: string[] = []
        const third = durationOf(createToken().token).then((durationMs) => (order.push('wrong'), durationMs))
        await durationOf(tokens.admin.token).then(() => order.push('right'))
        expect(await third).to.be.greaterThan(199)
        expect(order).to.deep.equal(['right', 'wrong'])
      })

      it('gives everybody ten seconds', async () => {
        await open()
        const [silent, { client: witness }] = [
          await fixture.dial([json]),
          await fixture.authenticate(tokens.reader.token),
        ]
        // As if they had come eleven seconds ago: the sweep comes once a second.
        const { sessions } = fixture.gateway as unknown as { sessions: Set<{ openedMs: number }> }
        for (const session of sessions) session.openedMs -= 11_000
        expect((await silent.closed).code).to.equal(4401)
        expect(silent.failure()?.code).to.equal(requiredCode)
        expect((await witness.ask('Ping')).error).to.equal(undefined)
      })

      if (frontEnd === 'ws') {
        it('cuts off who sends more than 64 KiB before it has authenticated', async () => {
          await open()
          const { client: witness } = await fixture.authenticate(tokens.writer.token)
          const flood = await fixture.dial([binary])
          flood.send(new Uint8Array(4 << 20))
          expect((await flood.closed).code).to.equal(1006)
          expect((await witness.produce(0, batchOf(100, 2000))).error).to.equal(undefined)
        })
      }

      it('looks at nothing that comes while a refusal waits', async () => {
        await open()
        const client = await fixture.dial([binary])
        void client.greet(createToken().token)
        const second = client.greet(tokens.admin.token)
        expect((await client.closed).code).to.equal(4401)
        expect(await Promise.race([second.then(() => 'answered'), Promise.resolve('ignored')])).to.equal('ignored')
      })
    })

    describe('over HTTP', () => {
      it('leaves health open and wants a token for metrics', async () => {
        await open()
        expect((await get('/health/live')).status).to.equal(200)
        expect((await get('/health/ready')).status).to.equal(200)
        const without = await get('/metrics')
        expect(without).to.include({ status: 401, challenge: 'Bearer realm="streambus"' })
        const { error } = JSON.parse(without.body) as { error: { name: string; remedy: string } }
        expect(error.name).to.equal('AUTHENTICATION_REQUIRED')
        expect(error.remedy).to.contain('Authorization: Bearer TOKEN')
        const wrong = await get('/metrics', createToken().token)
        expect(wrong).to.include({ status: 401 })
        expect(wrong.body).to.contain('SASL_AUTHENTICATION_FAILED')
        expect(await get('/metrics', tokens.reader.token)).to.include({ status: 403 })
        const right = await get('/metrics', tokens.admin.token)
        expect(right.body).to.contain('streambus_authentication_failures_total{reason="token"} 1')
        expect(right.body).to.contain('streambus_authentication_failures_total{reason="missing"} 1')
      })
    })

    it('survives those who are gone before they are refused', async () => {
      await open({}, 20)
      for (let count = 0; count < 5; count++) {
        const socket = connect(fixture.gateway.port, '127.0.0.1')
        socket.on('error', () => undefined)
        socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
        const client = await fixture.dial([binary])
        void client.greet(createToken().token)
        await new Promise((resolve) => setImmediate(resolve))
        socket.resetAndDestroy()
        client.ws.terminate()
      }
      // The last of them would have been answered by then.
      expect((await fixture.authenticate(createToken().token)).error).to.equal(failedCode)
      expect((await fixture.authenticate(tokens.reader.token)).principal).to.equal('reader')
    })

    async function metrics(): Promise<string> {
      return (await get('/metrics', tokens.admin.token)).body
    }

    function get(path: string, token?: string): Promise<{ status: number; challenge: string; body: string }> {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      return new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port: fixture.gateway.port, path, headers }, (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (text: string) => (body += text))
          const challenge = response.headers['www-authenticate'] ?? ''
          response.on('end', () => resolve({ status: response.statusCode ?? 0, challenge, body }))
        })
        sent.on('error', reject).end()
      })
    }
  })
}

/** Hello, then Authenticate with bytes that the codec would not write. */
function helloWithTokenBytes(token: Uint8Array): Uint8Array {
  const writer = new FrameWriter()
  codecs.writeHelloRequest(writer.begin(apiOf('Hello'), 0, 1), { protocolVersion: 1, clientName: '' })
  writer.end()
  const body = writer.begin(apiOf('Authenticate'), 0, 2)
  body.string('TOKEN')
  body.u16(token.length)
  body.raw(token)
  writer.end()
  return writer.view()
}

describe('AuthenticationFailures', () => {
  const make = () => {
    const lines: AuditEntry[] = []
    const reasons: string[] = []
    const metrics = { authenticationFailed: (reason: string) => reasons.push(reason) }
    const failures = new AuthenticationFailures(metrics as never, { audit: (line) => void lines.push(line) })
    return { failures, lines, reasons }
  }

  it('doubles the delay up to five seconds, for each address by itself, and forgets after ten minutes', () => {
    const { failures } = make()
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map(() => failures.add('10.0.0.1', 'token', 0))
    expect(delays).to.deep.equal([100, 200, 400, 800, 1600, 3200, 5000, 5000])
    expect(failures.add('10.0.0.2', 'token', 0)).to.equal(100)
    expect(failures.add('10.0.0.1', 'token', 599_000)).to.equal(5000)
    expect(failures.add('10.0.0.1', 'token', 599_000 + 600_001)).to.equal(100)
  })

  it('takes an IPv6 network for one peer', () => {
    const { failures } = make()
    failures.add('2001:db8:1:2:3:4:5:6', 'token', 0)
    expect(failures.add('2001:db8:1:2::7', 'token', 0)).to.equal(200)
    expect(failures.add('2001:db8:1:3::7', 'token', 0)).to.equal(100)
    expect(failures.add('::1', 'token', 0)).to.equal(100)
  })

  it('remembers a bounded number of addresses, the latest', () => {
    const { failures } = make()
    for (let index = 0; index < 30_000; index++)
      failures.add(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, 'token', 0)
    expect(failures.addressCount).to.equal(10_000)
    expect(failures.add('10.0.117.47', 'token', 0)).to.equal(200)
    expect(failures.add('10.0.0.0', 'token', 0)).to.equal(100)
  })

  it('tells the first, second, fourth and so on, and counts all', () => {
    const { failures, lines, reasons } = make()
    for (let count = 0; count < 1000; count++) failures.add('10.0.0.1', 'missing', 0)
    expect(lines.map(({ details }) => details['failuresOfThisAddress'])).to.deep.equal([
      1, 2, 4, 8, 16, 32, 64, 128, 256, 512,
    ])
    expect(reasons).to.have.length(1000)
  })
})
