/**
 * Topics with types: codecs, what goes wrong with them, and OpenTelemetry's context in headers.
 * Runs on: the test process.
 */
import { context, propagation, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { expect } from 'chai'
import { AsyncLocalStorage } from 'node:async_hooks'
import fc from 'fast-check'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import {
  bytes,
  type Client,
  type Codec,
  connect,
  float64,
  int32,
  int64,
  json,
  nullable,
  string,
  traceContextOf,
} from '../../../src/client/index.js'
import { FakeBroker } from '../../support/fake-broker.js'
import { seedOfRun } from '../../support/random.js'

interface Flight {
  readonly from: string
  readonly delayMinutes: number
}

async function failureOf(promise: Promise<unknown>): Promise<StreamBusError> {
  try {
    await promise
  } catch (error) {
    if (StreamBusError.is(error)) return error
    throw error
  }
  throw new Error('nothing failed')
}

function flightOf(value: unknown): Flight {
  const { from, delayMinutes } = value as Flight
  if (typeof from !== 'string' || typeof delayMinutes !== 'number') throw new Error('it is no flight')
  return { from, delayMinutes }
}

describe('codecs', () => {
  const roundTrips: [string, Codec<never>, fc.Arbitrary<unknown>][] = [
    ['json', json() as Codec<never>, fc.jsonValue()],
    ['string', string as Codec<never>, fc.string({ unit: 'grapheme' })],
    ['bytes', bytes as Codec<never>, fc.uint8Array()],
    ['int64', int64 as Codec<never>, fc.maxSafeInteger()],
    ['int32', int32 as Codec<never>, fc.integer()],
    ['float64', float64 as Codec<never>, fc.double()],
    ['nullable', nullable(int32) as Codec<never>, fc.option(fc.integer())],
  ]
  for (const [name, codec, values] of roundTrips) {
    it(`${name} gives back what it took`, () => {
      const property = fc.property(values, (value) => {
        const made = codec.encode(value as never)
        const decoded: unknown = codec.decode(typeof made === 'string' ? Buffer.from(made) : made)
        expect(decoded).to.deep.equal(name === 'json' ? JSON.parse(JSON.stringify(value)) : value)
      })
      fc.assert(property, { numRuns: 100, seed: seedOfRun() })
    })
  }

  it('keep a byte order mark that a text begins with', () => {
    expect(string.decode(Buffer.from('\ufefftext'))).to.equal('\ufefftext')
  })

  it('are those of other clients, byte by byte', () => {
    const hex = (made: unknown) => Buffer.from(made as Uint8Array).toString('hex')
    expect(hex(int64.encode(-2))).to.equal('fffffffffffffffe')
    expect(hex(int32.encode(258))).to.equal('00000102')
    expect(hex(float64.encode(1))).to.equal('3ff0000000000000')
  })

  it('refuse what they do not take, in words', () => {
    const wrong: [() => unknown, string][] = [
      [() => int64.encode(2 ** 53), '9007199254740992 is no whole number up to'],
      [() => int32.encode(2 ** 31), 'no whole number of 32 bits'],
      [() => int32.decode(new Uint8Array(8)), 'it has 8 bytes; expected 4'],
      [() => string.encode(5 as never), 'it is a number, not text'],
      [() => string.decode(new Uint8Array([0xff])), 'not UTF-8'],
      [() => float64.encode(null as never), 'it is null, not a number'],
      [() => json().encode(undefined), 'JSON has no undefined'],
      [() => json().decode(null), 'there is none'],
    ]
    for (const [call, message] of wrong) expect(call).to.throw(message)
  })
})

describe('typed topic', () => {
  let broker: FakeBroker
  let client: Client

  beforeEach(async () => {
    broker = await FakeBroker.start()
    client = await connect({ server: broker.address })
    broker.addTopic('flights')
  })

  afterEach(async () => {
    await client.close()
    await broker.stop()
  })

  const flights = () => client.topic('flights', { value: json<Flight>({ validate: flightOf }), key: string })

  it('takes and gives values of its type', async () => {
    const producer = flights().producer()
    const delays = [5, 0, 12]
    await producer.send({ key: 'LH1', value: { from: 'FRA', delayMinutes: 5 }, headers: { a: 'b' }, timestampMs: 7 })
    producer.write({ value: { from: 'FRA', delayMinutes: 0 } })
    await producer.flush()
    await producer.sendBatch([{ key: 'LH2', value: { from: 'MUC', delayMinutes: 12 } }])
    const seen: number[] = []
    for await (const { key, value, offset, timestampMs, headers, record } of flights().consumer({ untilEnd: true })) {
      if (offset === 0) expect([key, timestampMs, headers.length, record.offset]).to.deep.equal(['LH1', 7, 1, 0])
      if (offset === 1) expect(key).to.equal(null)
      seen.push(value.delayMinutes)
    }
    expect(seen).to.deep.equal(delays)
    const called: number[] = []
    await flights()
      .consumer({ untilEnd: true, from: { last: 2 } })
      .run({ eachRecord: ({ value }) => called.push(value.delayMinutes) })
    expect(called).to.deep.equal([0, 12])
  })

  it('is JSON and text without codecs', async () => {
    const topic = client.topic<Flight>('flights')
    await topic.producer().send({ key: 'LH1', value: { from: 'FRA', delayMinutes: 5 } })
    expect(broker.values('flights')).to.deep.equal(['{"from":"FRA","delayMinutes":5}'])
    for await (const { key, value } of topic.consumer({ untilEnd: true })) {
      expect([key, value.from]).to.deep.equal(['LH1', 'FRA'])
    }
  })

  it('refuses a value of another form before it is sent', async () => {
    const producer = flights().producer()
    const wrong = { from: 5 } as unknown as Flight
    for (const failing of [producer.send({ value: wrong }), producer.sendBatch([{ value: wrong }])]) {
      const error = await failureOf(failing)
      expect(error.name).to.equal('INVALID_RECORD')
      expect(error.message).to.equal('the value of a record for topic "flights" can\'t be encoded: it is no flight')
    }
    expect(() => producer.write({ value: wrong })).to.throw('no flight')
    expect(broker.values('flights')).to.deep.equal([])
  })

  describe('with records of another form', () => {
    beforeEach(async () => {
      const good = '{"from":"FRA","delayMinutes":5}'
      const producer = client.producer()
      await producer.sendBatch([good, '{"from":', good, '5'].map((value) => ({ topic: 'flights', value })))
      await producer.send({ topic: 'flights', key: new Uint8Array([0xff]), value: good })
      await producer.send({ topic: 'flights', value: null })
    })

    it('ends with where the first of them is, as the next to be read', async () => {
      for (const form of ['records', 'run']) {
        const consumer = flights().consumer({ untilEnd: true })
        const seen: number[] = []
        const reading = async () => {
          if (form === 'run') return consumer.run({ eachRecord: ({ offset }) => seen.push(offset) })
          for await (const { offset } of consumer) seen.push(offset)
        }
        const error = await failureOf(reading())
        expect(error.name).to.equal('INVALID_RECORD')
        expect(error.message).to.include("record 1 of flights-0: its value can't be decoded")
        expect(seen).to.deep.equal([0])
        expect(consumer.positions()).to.deep.equal({ 0: 1 })
      }
    })

    it('leaves out those that it is told to leave out', async () => {
      for (const form of ['records', 'run']) {
        const errors: string[] = []
        const seen: number[] = []
        const consumer = flights().consumer({
          untilEnd: true,
          onDecodeError: (error, { offset }) => {
            errors.push(`${offset}: ${error.message.split(': ').slice(-1)[0]}`)
            return 'skip'
          },
        })
        if (form === 'run') await consumer.run({ eachRecord: ({ offset }) => seen.push(offset) })
        else for await (const { offset } of consumer.records()) seen.push(offset)
        expect(seen).to.deep.equal([0, 2])
        expect(errors.map((text) => text.slice(0, 2))).to.deep.equal(['1:', '3:', '4:', '5:'])
        expect(errors.slice(1)).to.deep.equal([
          '3: it is no flight',
          '4: it is not UTF-8',
          '5: there is none; a codec made by nullable() takes that',
        ])
      }
    })
  })

  it('has values that may be null when the codec says so', async () => {
    const topic = client.topic('flights', { value: nullable(int64), key: int32 })
    await topic.producer().sendBatch([
      { key: 1, value: 5 },
      { key: 1, value: null },
    ])
    const seen: unknown[] = []
    for await (const { key, value } of topic.consumer({ untilEnd: true })) seen.push([key, value])
    expect(seen).to.deep.equal([
      [1, 5],
      [1, null],
    ])
  })
})

describe('OpenTelemetry', () => {
  const storage = new AsyncLocalStorage<ReturnType<typeof context.active>>()
  const spanContext = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
  }
  const header = `00-${spanContext.traceId}-${spanContext.spanId}-01`
  let broker: FakeBroker
  let client: Client

  beforeEach(async () => {
    broker = await FakeBroker.start()
    client = await connect({ server: broker.address })
    broker.addTopic('t')
  })

  afterEach(async () => {
    context.disable()
    propagation.disable()
    await client.close()
    await broker.stop()
  })

  /** As the packages of OpenTelemetry's SDK do. */
  function setUp(): void {
    context.setGlobalContextManager({
      active: () => storage.getStore() ?? ROOT_CONTEXT,
      with: (given, work, self, ...args) => storage.run(given, () => work.apply(self, args as never)),
      bind: (_given, target) => target,
      enable() {
        return this
      },
      disable() {
        return this
      },
    })
    propagation.setGlobalPropagator({
      inject: (given, carrier, setter) => {
        const active = trace.getSpanContext(given)
        if (active === undefined) return
        setter.set(carrier, 'traceparent', `00-${active.traceId}-${active.spanId}-0${active.traceFlags}`)
      },
      extract: (given, carrier, getter) => {
        const found = getter.get(carrier, 'traceparent')
        if (typeof found !== 'string') return given
        const [, traceId, spanId, flags] = found.split('-') as [string, string, string, string]
        return trace.setSpanContext(given, { traceId, spanId, traceFlags: Number(flags), isRemote: true })
      },
      fields: () => ['traceparent'],
    })
  }

  async function headersSent(): Promise<string[][]> {
    const all: string[][] = []
    for await (const record of client.consumer({ topic: 't', untilEnd: true }).records()) {
      all.push(record.headers.map(({ key, value }) => `${key}=${String(value)}`))
    }
    return all
  }

  it('goes along in the headers of what is sent within a span, and comes out of them', async () => {
    setUp()
    const producer = client.producer()
    await producer.send({ topic: 't', value: 'before' })
    await context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), async () => {
      await producer.send({ topic: 't', value: 'a' })
      producer.write({ topic: 't', value: 'b', headers: { own: '1' } })
      await producer.sendBatch([{ topic: 't', value: 'c', headers: [['TraceParent', 'given']] }])
      await client.topic('t').producer().send({ value: 'd' })
    })
    const sent = [`traceparent=${header}`]
    expect(await headersSent()).to.deep.equal([[], sent, ['own=1', ...sent], ['TraceParent=given'], sent])
    const next = await client.consumer({ topic: 't', from: 1 }).records().next()
    const extracted = traceContextOf(next.value!)!
    expect(trace.getSpanContext(extracted as typeof ROOT_CONTEXT)).to.include({ ...spanContext, isRemote: true })
  })

  it('goes along with records that wait for their topic', async () => {
    setUp()
    const producer = client.producer()
    context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), () => void producer.write({ topic: 't', value: 'a' }))
    await producer.flush()
    expect(await headersSent()).to.deep.equal([[`traceparent=${header}`]])
  })

  it('adds nothing when a program has not set it up', async () => {
    await client.producer().send({ topic: 't', value: 'a' })
    expect(await headersSent()).to.deep.equal([[]])
    for await (const record of client.consumer({ topic: 't', untilEnd: true }).records()) {
      expect(traceContextOf(record)).to.equal(undefined)
    }
  })
})
