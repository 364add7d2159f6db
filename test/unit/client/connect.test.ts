/**
 * Which broker a client connects to, over TLS and without, and what it says when it can't.
 * Runs on: the test process.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { expect } from 'chai'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { type Client, connect, type ConnectOptions, type TlsOptions } from '../../../src/client/index.js'
import { Authority, selfSigned } from '../../support/certificates.js'
import { FakeBroker } from '../../support/fake-broker.js'

async function failureOf(options: ConnectOptions): Promise<StreamBusError> {
  try {
    await (await connect(options)).close()
  } catch (error) {
    if (StreamBusError.is(error)) return error
    throw error
  }
  throw new Error('it connected')
}

/** A port where nothing listens. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

describe('connect', () => {
  const brokers: FakeBroker[] = []
  const clients: Client[] = []
  const servers: Server[] = []

  async function startBroker(...args: Parameters<typeof FakeBroker.start>): Promise<FakeBroker> {
    const broker = await FakeBroker.start(...args)
    brokers.push(broker)
    return broker
  }

  async function connected(options: ConnectOptions): Promise<Client> {
    const client = await connect(options)
    clients.push(client)
    return client
  }

  /** Takes connections and says nothing. */
  async function startSilent(): Promise<string> {
    const server = createServer().listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close()
    for (const broker of brokers.splice(0)) await broker.stop()
    for (const server of servers.splice(0)) server.close()
  })

  describe('with several servers', () => {
    it('takes the first that answers', async () => {
      const broker = await startBroker()
      const client = await connected({
        servers: [await freeAddress(), await startSilent(), broker.address],
        connectTimeoutMs: 200,
      })
      expect(client.server).to.equal(broker.address)
    })

    it('goes on with the next when one is lost, and tells which it was', async () => {
      const [first, second] = [await startBroker(), await startBroker()]
      second.clusterId = first.clusterId
      const states: string[] = []
      let client: Client | undefined = undefined as Client | undefined
      client = await connected({
        servers: [first.address, second.address],
        onStateChange: (state, error) => states.push(`${state} ${client?.server ?? ''} ${error?.message ?? ''}`),
      })
      const { address } = first
      const isBack = new Promise<void>((resolve) => {
        second.plan = () => (resolve(), 'answer')
      })
      await brokers.shift()!.stop()
      await client.admin().listTopics()
      await isBack
      expect(client.server).to.equal(second.address)
      expect(states[0]).to.equal('connected  ')
      expect(states[1]).to.match(new RegExp(`^lost ${address} the connection to ${address} (ended|broke)`))
      expect(states[2]).to.equal(`connected ${second.address} `)
    })

    it('says of each why it can not be used', async () => {
      const [refused, silent] = [await freeAddress(), await startSilent()]
      const error = await failureOf({ servers: [refused, silent], connectTimeoutMs: 100 })
      expect(error.name).to.equal('NETWORK_EXCEPTION')
      expect(error.message).to.contain('none of 2 brokers can be used')
      expect(error.message).to.contain(`${refused}: connection refused`)
      expect(error.message).to.contain(`${silent}: nothing came within 100 ms`)
    })

    it('refuses an empty list, a wrong address, and a list beside a server', async () => {
      expect((await failureOf({ servers: [] })).message).to.contain('empty')
      expect((await failureOf({ servers: ['127.0.0.1', 'a b'] })).message).to.contain('"a b"')
      expect((await failureOf({ server: 'a', servers: ['b'] })).message).to.contain('both')
    })
  })

  describe('with a token', () => {
    it('asks the function for each attempt, and replaces a token that has run out', async () => {
      const broker = await startBroker()
      let count = 0
      const token = () => Promise.resolve(`token ${++count}`)
      broker.token = 'token 1'
      const client = await connected({ server: broker.address, token })
      broker.token = 'token 2'
      broker.dropAll()
      await client.admin().listTopics()
      expect(count).to.equal(2)
    })

    it('says what went wrong in the function, and asks it again', async () => {
      const error = await failureOf({
        server: (await startBroker()).address,
        token: () => Promise.reject(new Error('no network')),
      })
      expect(error.message).to.contain('token failed: no network')
      expect(error.retriable).to.equal(true)
      const nothing = (() => undefined) as unknown as () => string
      expect((await failureOf({ server: (await startBroker()).address, token: nothing })).message).to.contain('no text')
    })

    it('has a time limit for the function too', async () => {
      const never = () => new Promise<string>(() => {})
      const { address: server } = await startBroker()
      expect((await failureOf({ server, token: never, connectTimeoutMs: 50 })).message).to.contain('within 50 ms')
    })
  })

  describe('over TLS', () => {
    let authority: Authority

    before(async () => {
      authority = await Authority.make()
    })

    async function startTls(options: Parameters<Authority['issue']>[0] = {}): Promise<string> {
      return (await startBroker(0, await authority.issue(options))).address
    }

    async function refusal(server: string, tls?: TlsOptions): Promise<StreamBusError> {
      const error = await failureOf({ server, tls })
      expect(error.name).to.equal('TLS_HANDSHAKE_FAILED')
      expect(error.retriable).to.equal(false)
      return error
    }

    it('trusts the authority that it is given, and makes wss:// of a plain address', async () => {
      const server = await startTls()
      const client = await connected({ server, tls: { ca: authority.cert } })
      expect(client.server).to.equal(`wss://${server}`)
      await connected({ server: `wss://${server}`, tls: { ca: [Buffer.from(authority.cert)] } })
    })

    it('takes any certificate when it is told so', async () => {
      await connected({ server: await startTls(), tls: { rejectUnauthorized: false } })
    })

    it('refuses an authority that it does not know, and names the option', async () => {
      const error = await refusal(`wss://${await startTls()}`)
      expect(error.message).to.contain('not trusted')
      expect(error.remedy).to.contain('tls: { ca }')
    })

    it('refuses a self-signed certificate', async () => {
      const broker = await startBroker(0, await selfSigned())
      expect((await refusal(`wss://${broker.address}`)).message).to.contain('self-signed')
    })

    it('refuses a certificate that has expired, and one that is not valid yet', async () => {
      const ca = authority.cert
      const expired = await startTls({ validFrom: new Date(0), validUntil: new Date(1e12) })
      expect((await refusal(expired, { ca })).message).to.contain('has expired')
      const early = await startTls({ validFrom: new Date(Date.now() + 1e9), validUntil: new Date(Date.now() + 2e9) })
      expect((await refusal(early, { ca })).message).to.contain('not valid yet')
    })

    it('refuses a certificate for another name unless it is told to expect that name', async () => {
      const ca = authority.cert
      const server = await startTls({ names: ['broker.example'] })
      const error = await refusal(server, { ca })
      expect(error.message).to.contain('another name').and.to.contain('broker.example')
      expect(error.remedy).to.contain('serverName')
      await connected({ server, tls: { ca, serverName: 'broker.example' } })
    })

    it('says so when the broker asks for a certificate of the client', async () => {
      const ca = authority.cert
      const broker = await startBroker(0, {
        ...(await authority.issue()),
        ca,
        requestCert: true,
        rejectUnauthorized: true,
      })
      expect((await refusal(broker.address, { ca })).message).to.contain('asks for a certificate')
      await connected({ server: broker.address, tls: { ca, ...(await authority.issue()) } })
      const foreign = await (await Authority.make('CN=Another')).issue()
      const refused = await failureOf({ server: broker.address, tls: { ca, ...foreign } })
      expect(refused.remedy).to.contain('certificate of this client')
    })

    it('says so when only one of the two speaks TLS', async () => {
      const plain = await startBroker()
      const error = await refusal(`wss://${plain.address}`)
      expect(error.message).to.contain('speaks no TLS')
      const reverse = await failureOf({ server: await startTls() })
      expect(reverse.name).to.equal('NETWORK_EXCEPTION')
      expect(reverse.remedy).to.contain('wss://')
    })

    it('refuses options that are no PEM, or a key of another certificate', async () => {
      const error = await failureOf({ server: '127.0.0.1:1', tls: { ca: authority.cert, cert: 'nonsense', key: 'x' } })
      expect(error.name).to.equal('USAGE')
      expect(error.message).to.contain('tls options')
      const { cert } = await authority.issue()
      const { key } = await authority.issue()
      expect((await failureOf({ server: '127.0.0.1:1', tls: { cert, key } })).name).to.equal('USAGE')
    })
  })
})
