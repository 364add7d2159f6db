/**
 * A program in TypeScript that uses most of the client; it is compiled against the packed declarations only.
 * Runs on: nothing.
 */
import {
  type Admin,
  type Client,
  connect,
  type ConnectOptions,
  type ConsumedRecord,
  type ErrorName,
  Producer,
  type RecordMetadata,
  StreamBusError,
  type TopicInfo,
} from 'streambus-client'

export const options: ConnectOptions = { server: '127.0.0.1:9400', signal: AbortSignal.timeout(1000) }

export async function roundTrip(): Promise<RecordMetadata> {
  const client: Client = await connect(options)
  const admin: Admin = client.admin()
  const topics: readonly TopicInfo[] = await admin.listTopics()
  const producer: Producer = client.producer({ lingerMs: 5, compression: 'gzip' })
  const sent = await producer.send({ topic: topics[0]?.name ?? 'orders', key: 'k', value: new Uint8Array(3) })
  for await (const batch of client.consumer({ topic: 'orders', from: { timestampMs: 0 } })) {
    for (const record of batch.records()) show(record)
  }
  await client.close()
  return sent
}

function show({ key, value, headers }: ConsumedRecord): void {
  const bytes: Uint8Array | null = value ?? key
  const first: Uint8Array | null | undefined = headers[0]?.value
  if (bytes === first) throw new StreamBusError('USAGE', 'the same bytes')
}

export function nameOf(error: unknown): ErrorName | undefined {
  return StreamBusError.is(error) ? error.name : undefined
}

interface Flight {
  readonly callsign: string
}

export async function typed(): Promise<string[]> {
  await using client = await connect({ servers: ['wss://a.example.org:9400'], token: 'secret', tls: { ca: '...' } })
  const flights = client.topic<Flight>('flights')
  await using producer = flights.producer()
  await producer.send({ key: 'one', value: { callsign: 'ABC123' } })
  // @ts-expect-error: a value is a flight.
  await producer.send({ key: 'one', value: { callsing: 'ABC123' } })
  const callsigns: string[] = []
  for await (const { value } of flights.consumer({ untilEnd: true })) callsigns.push(value.callsign)
  return callsigns
}

export function made(kind: typeof Producer): Producer {
  // @ts-expect-error: producers are made by a client.
  return new kind()
}
