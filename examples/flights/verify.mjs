/**
 * Reads a topic back and compares it with what produce.mjs sends: counts and checksums of every airport, offsets
 * without gaps, each airport in one partition.
 *
 *   node examples/flights/verify.mjs --topic flights --rounds 1
 *
 * Ends with 1 if anything differs.
 */
import { parseArgs } from 'node:util'
import { connect } from 'streambus'
import { flightRecords, overall, Tally } from './flights.mjs'

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', default: process.env.STREAMBUS_SERVER ?? '127.0.0.1:9400' },
    topic: { type: 'string', default: 'flights' },
    rounds: { type: 'string', default: '1' },
  },
})
const problems = []

function expected() {
  const tally = new Tally()
  for (const { key, value } of flightRecords(Number(options.rounds))) tally.add(key, value)
  return tally
}

async function found() {
  const client = await connect({ server: options.server })
  const tally = new Tally()
  const nextOffsets = new Map()
  const partitionOfKey = new Map()
  for await (const batch of client.consumer({ topic: options.topic, from: 'earliest', untilEnd: true })) {
    const { partition } = batch
    for (const { offset, key, value } of batch.records()) {
      const name = String(key)
      if (offset !== (nextOffsets.get(partition) ?? 0)) problems.push(`partition ${partition}: gap before ${offset}`)
      nextOffsets.set(partition, offset + 1)
      if ((partitionOfKey.get(name) ?? partition) !== partition) problems.push(`${name} is in two partitions`)
      partitionOfKey.set(name, partition)
      tally.add(name, String(value))
    }
  }
  await client.close()
  return tally
}

const sent = expected()
const read = await found()
const [sentLines, readLines] = [sent.finish(), read.finish()]
for (const key of new Set([...sentLines.keys(), ...readLines.keys()])) {
  if (sentLines.get(key) !== readLines.get(key)) {
    problems.push(`${key}: sent ${sentLines.get(key) ?? 'nothing'}, read ${readLines.get(key) ?? 'nothing'}`)
  }
}
console.log(`sent ${sent.count} records of ${sentLines.size} airports, checksum ${overall(sentLines)}`)
console.log(`read ${read.count} records of ${readLines.size} airports, checksum ${overall(readLines)}`)
for (const problem of problems.slice(0, 20)) console.error(`DIFFERS: ${problem}`)
if (problems.length > 20) console.error(`and ${problems.length - 20} more`)
console.log(problems.length === 0 ? 'they agree' : 'they do NOT agree')
process.exitCode = problems.length === 0 ? 0 : 1
