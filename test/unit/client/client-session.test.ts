/**
 * The client's session: handshake, answers, limits, pings and reconnects, with fake time and no socket.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import type { ByteReader } from '../../../native-free-core/bytes/byte-reader.js'
import { ClientSession } from '../../../native-free-core/client/client-session.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import {
  Api,
  readAuthenticateRequest,
  readPingResponse,
  writeAuthenticateResponse,
  writeFailurePush,
  writeHelloResponse,
  writePingResponse,
} from '../../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter, MessageFlag, type MessageHeader, readFrame } from '../../../native-free-core/protocol/frame.js'

const hello = {
  protocolVersion: 1,
  brokerVersion: '9',
  clusterId: 'a'.repeat(32),
  brokerId: 0,
  maxFrameBytes: 100_000,
  maxInFlightBytes: 1000,
  maxFetchBytes: 1000,
  maxCreditBytes: 1000,
  idleTimeoutMs: 9000,
}
const lost = new StreamBusError('NETWORK_EXCEPTION', 'lost')

function headersOf(frame: Uint8Array | undefined): MessageHeader[] {
  const headers: MessageHeader[] = []
  if (frame !== undefined) readFrame(frame, (header) => headers.push(header))
  return headers
}

function frameOf(write: (out: FrameWriter) => void): Uint8Array {
  const out = new FrameWriter()
  write(out)
  return out.view().slice()
}

function setUp(isTokenRenewable = false, requestTimeoutMs = 1000) {
  const events: string[] = []
  const session = new ClientSession(
    { clientName: 'test', requestTimeoutMs, isTokenRenewable },
    {
      ready: (_hello, isOtherCluster) => events.push(isOtherCluster ? 'ready, other cluster' : 'ready'),
      lost: (error) => events.push(`lost: ${error.name}`),
      refused: (error) => events.push(`refused: ${error.name}`),
      delivered: () => events.push('delivered'),
      subscriptionEnded: () => events.push('ended'),
    },
  )
  const greet = (clusterId = hello.clusterId, nowMs = 0) => {
    session.connecting()
    session.opened(nowMs)
    const [request] = headersOf(session.takeFrame())
    const answer = frameOf((out) => {
      writeHelloResponse(out.begin(Api.Hello, MessageFlag.response, request!.correlationId), { ...hello, clusterId })
      out.end()
    })
    session.received(answer)
  }
  const ask = (nowMs = 0, produceBytes = 0) => {
    const handler = {
      succeeded: (body: ByteReader) => void events.push(`answer ${readPingResponse(body).brokerTimeMs}`),
      failed: (error: StreamBusError) => void events.push(`failed: ${error.name}`),
    }
    session.begin(Api.Ping, handler, nowMs, produceBytes)
    session.end()
  }
  return { session, events, greet, ask }
}

describe('ClientSession', () => {
  it('greets first and is ready when the broker has answered', () => {
    const { session, events, greet } = setUp()
    expect(session.state).to.equal('offline')
    greet()
    expect(session.state).to.equal('ready')
    expect(events).to.deep.equal(['ready'])
  })

  it('packs what was begun into one frame and gives answers to those who asked, in any order', () => {
    const { session, events, greet, ask } = setUp()
    greet()
    ask()
    ask()
    const [first, second] = headersOf(session.takeFrame())
    expect(session.takeFrame()).to.equal(undefined)
    const answers = frameOf((out) => {
      for (const [header, time] of [
        [second!, 2],
        [first!, 1],
      ] as const) {
        writePingResponse(out.begin(Api.Ping, MessageFlag.response, header.correlationId), { brokerTimeMs: time })
        out.end()
      }
    })
    session.received(answers)
    expect(events).to.deep.equal(['ready', 'answer 2', 'answer 1'])
  })

  it('refuses an answer that nobody asked for', () => {
    const { session, greet } = setUp()
    greet()
    const answer = frameOf((out) => {
      writePingResponse(out.begin(Api.Ping, MessageFlag.response, 4711), { brokerTimeMs: 1 })
      out.end()
    })
    expect(() => session.received(answer)).to.throw('request 4711')
  })

  it('fails pending requests when the connection is lost, and waits longer each time', () => {
    const { session, events, greet, ask } = setUp()
    greet()
    ask()
    session.disconnected(lost, 1000, 0)
    expect(events).to.deep.equal(['ready', 'failed: NETWORK_EXCEPTION', 'lost: NETWORK_EXCEPTION'])
    expect(session.connectAtMs).to.equal(1050)
    session.connecting()
    session.disconnected(lost, 1050, 0)
    expect(session.connectAtMs).to.equal(1150)
  })

  it("gives the broker's last words as the reason", () => {
    const { session, events, greet } = setUp()
    greet()
    const farewell = frameOf((out) => {
      writeFailurePush(out.begin(Api.Failure, 0, 0), { code: 1006, message: 'too quiet' })
      out.end()
    })
    session.received(farewell)
    expect(session.disconnected(lost, 0, 0).message).to.equal('too quiet')
    expect(events).to.deep.equal(['ready', 'lost: IDLE_TIMEOUT'])
  })

  describe('with a token', () => {
    const setUpGreeted = (isTokenRenewable = false) => {
      const all = setUp(isTokenRenewable)
      all.session.connecting()
      all.session.opened(0, 'secret')
      const frame = all.session.takeFrame()!.slice()
      const [helloHeader, authenticateHeader] = headersOf(frame)
      const answerHello = (out: FrameWriter) => {
        writeHelloResponse(out.begin(Api.Hello, MessageFlag.response, helloHeader!.correlationId), hello)
        out.end()
      }
      const answerToken = (out: FrameWriter) => {
        const body = out.begin(Api.Authenticate, MessageFlag.response, authenticateHeader!.correlationId)
        writeAuthenticateResponse(body, { principal: 'p', roles: [] })
        out.end()
      }
      const refuseToken = (out: FrameWriter) =>
        out.error(Api.Authenticate, authenticateHeader!.correlationId, { code: 58, message: 'not known' })
      return { ...all, frame, answerHello, answerToken, refuseToken }
    }

    it('sends it in the frame of Hello, and is ready when both are answered', () => {
      const { session, frame, events, answerHello, answerToken } = setUpGreeted()
      const tokens: string[] = []
      readFrame(frame, ({ api }, body) => {
        if (api === Api.Authenticate) tokens.push(readAuthenticateRequest(body).token)
      })
      expect(headersOf(frame).map(({ api }) => api)).to.deep.equal([Api.Hello, Api.Authenticate])
      expect(tokens).to.deep.equal(['secret'])
      session.received(frameOf(answerHello))
      expect(session.state).to.equal('greeting')
      session.received(frameOf(answerToken))
      expect(events).to.deep.equal(['ready'])
    })

    it('does not come again when it is refused', () => {
      const { session, events, answerHello, refuseToken } = setUpGreeted()
      session.received(frameOf(answerHello))
      let thrown: unknown
      try {
        session.received(frameOf(refuseToken))
      } catch (error) {
        thrown = error
      }
      expect(thrown).to.include({ name: 'SASL_AUTHENTICATION_FAILED', message: 'not known', retriable: false })
      session.disconnected(thrown as StreamBusError, 0, 0)
      expect(session.state).to.equal('closed')
      expect(events).to.deep.equal(['refused: SASL_AUTHENTICATION_FAILED'])
    })

    it('comes again with another when there is one', () => {
      const { session, events, answerHello, answerToken } = setUpGreeted(true)
      session.received(frameOf((out) => (answerHello(out), answerToken(out))))
      session.disconnected(new StreamBusError('SASL_AUTHENTICATION_FAILED', 'it has run out'), 0, 0)
      expect(session.state).to.equal('offline')
      expect(events).to.deep.equal(['ready', 'lost: SASL_AUTHENTICATION_FAILED'])
      session.connecting()
      session.opened(0, 'another')
      session.disconnected(new StreamBusError('SASL_AUTHENTICATION_FAILED', 'it is wrong'), 0, 0)
      expect(session.state).to.equal('closed')
    })

    it('does not come again when it is revoked later', () => {
      const { session, events, answerHello, answerToken } = setUpGreeted()
      session.received(frameOf((out) => (answerHello(out), answerToken(out))))
      const farewell = frameOf((out) => {
        writeFailurePush(out.begin(Api.Failure, 0, 0), { code: 58, message: 'revoked' })
        out.end()
      })
      session.received(farewell)
      expect(session.disconnected(lost, 0, 0).message).to.equal('revoked')
      expect(session.state).to.equal('closed')
      expect(events).to.deep.equal(['ready', 'lost: SASL_AUTHENTICATION_FAILED', 'refused: SASL_AUTHENTICATION_FAILED'])
    })
  })

  it('waits long only after a whole round of brokers', () => {
    const events = {
      ready: () => {},
      lost: () => {},
      refused: () => {},
      delivered: () => {},
      subscriptionEnded: () => {},
    }
    const session = new ClientSession(
      { clientName: 'test', requestTimeoutMs: 1000, serverCount: 3, backoff: { firstMs: 100, maxMs: 2000 } },
      events,
    )
    const waits = Array.from({ length: 9 }, () => {
      session.connecting()
      session.disconnected(lost, 0, 0.5)
      return session.connectAtMs
    })
    expect(waits).to.deep.equal([50, 50, 75, 50, 50, 150, 50, 50, 300])
  })

  it('says when another cluster answers', () => {
    const { session, events, greet } = setUp()
    greet()
    session.disconnected(lost, 0, 0)
    greet()
    session.disconnected(lost, 0, 0)
    greet('b'.repeat(32))
    expect(events.filter((event) => event.startsWith('ready'))).to.deep.equal([
      'ready',
      'ready',
      'ready, other cluster',
    ])
  })

  it('bounds produced bytes in flight, but lets one batch through whatever its size', () => {
    const { session, greet, ask } = setUp()
    greet()
    expect(session.hasRoomFor(5000)).to.equal(true)
    ask(0, 600)
    expect(session.hasRoomFor(400)).to.equal(true)
    expect(session.hasRoomFor(401)).to.equal(false)
  })

  it('pings after a third of the idle time', () => {
    const { session, greet } = setUp(false, 60_000)
    greet()
    session.tick(2999)
    expect(session.takeFrame()).to.equal(undefined)
    session.tick(3000)
    expect(headersOf(session.takeFrame()).map(({ api }) => api)).to.deep.equal([Api.Ping])
    session.tick(6001)
    expect(session.takeFrame(), 'one at a time').to.equal(undefined)
  })

  it('finds out that the other side is gone though it sends all the time', () => {
    const { session, greet } = setUp()
    greet()
    let error: StreamBusError | undefined
    let nowMs = 0
    for (; nowMs < 5000 && error === undefined; nowMs += 100) {
      session.beginOneway(Api.Credit, nowMs)
      session.end()
      error = session.tick(nowMs)
    }
    expect(error?.name).to.equal('REQUEST_TIMED_OUT')
    expect(nowMs).to.be.lessThan(2000)
  })

  it('gives up a connection on which the oldest request stays unanswered', () => {
    const { session, greet, ask } = setUp()
    greet()
    ask(100)
    expect(session.tick(1100)).to.equal(undefined)
    expect(session.tick(1101)?.name).to.equal('REQUEST_TIMED_OUT')
  })
})
