/**
 * Replays flights into a topic at a chosen speed:
 *
 *   node examples/flights/produce.mjs --topic flights --speed 2000 --rounds 1
 *
 * The key is the airport of departure, so its flights stay in order. Ends with 1 if any record was not acknowledged.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect } from 'streambus'
import { flightRecords } from './flights.mjs'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', default: process.env.STREAMBUS_SERVER ?? '127.0.0.1:9400' },
    topic: { type: 'string', default: 'flights' },
    partitions: { type: 'string', default: '4' },
    speed: { type: 'string', default: '0' }, // records a second; 0: as fast as it goes
    rounds: { type: 'string', default: '1' },
  },
})
const speed = Number(options.speed)

async function createTopicIfMissing(client) {
  const admin = client.admin()
  const topics = await admin.listTopics()
  if (topics.some(({ name }) => name === options.topic)) return
  await admin.createTopic({ name: options.topic, partitions: Number(options.partitions) })
}

async function replay(producer) {
  const startMs = performance.now()
  let count = 0
  for (const { key, value } of flightRecords(Number(options.rounds))) {
    if (!producer.write({ topic: options.topic, key, value })) await producer.ready()
    count++
    const aheadMs = speed === 0 ? 0 : (count / speed) * 1000 - (performance.now() - startMs)
    if (aheadMs > 5) await delay(aheadMs)
  }
  return count
}

const report = (state, error) => console.error(`produce: ${state}${error ? ` (${error.message})` : ''}`)
const client = await connect({ server: options.server, onStateChange: report })
await createTopicIfMissing(client)
let acknowledged = 0
let failure
const producer = client.producer({
  onDelivery: ({ recordCount, error }) => {
    if (error === undefined) acknowledged += recordCount
    else failure ??= error
  },
})
const sent = await replay(producer)
await producer.close()
await client.close()
console.log(`produce: ${acknowledged} of ${sent} records acknowledged`)
if (failure !== undefined) console.error(`produce: ${failure.message}`)
process.exitCode = acknowledged === sent ? 0 : 1
