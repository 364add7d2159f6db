/**
 * `bench produce | consume | e2e`.
 * Runs on: main. Touches: nothing until one is run.
 */
import type { Command } from 'commander'
import { asCount, asFraction } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { connectOptionsOf } from '../target.js'
import { examples } from './examples.js'

export function addBench(program: Command, environment: CliEnvironment): void {
  const bench = program.command('bench').description('measure this broker with this client, in one process')
  const common = (command: Command) =>
    command
      .option('--topic <NAME>', 'created if it is missing; default: bench-N for N partitions')
      .option('--partitions <N>', 'of a topic that is created', asCount, 1)
      .option('--record-bytes <N>', 'the size of a value', asCount, 100)
      .option('--seconds <N>', 'how long to measure', asFraction, 10)
  const producing = (command: Command) =>
    common(command)
      .option('--batch-bytes <N>', 'send a batch when it is this large', asCount, 262_144)
      .option('--linger <MS>', 'or this old', asFraction, 1)
  const called = (command: Command) => {
    const invocation = invocationOf(command, environment)
    return { connection: connectOptionsOf(invocation.target()), json: invocation.isJson }
  }
  const produce = producing(bench.command('produce'))
    .description('records a second flat out, or latency at a rate')
    .option('--rate <N>', 'records a second, open loop: latency counts from when each was due', asCount)
    .option('--warm-up <SECONDS>', 'the same load before, not counted', asFraction, 0)
    .action(async (options, command) => {
      const { benchProduce } = await import('../../bench/bench-produce.js')
      const { connection, json } = called(command)
      await benchProduce(connection, { ...options, json })
    })
  const consume = common(bench.command('consume'))
    .description('records a second of what is in the topic')
    .option('--decode', 'look at each record, not only at batches')
    .action(async (options, command) => {
      const { benchConsume } = await import('../../bench/bench-consume.js')
      const { connection, json } = called(command)
      await benchConsume(connection, { ...options, json })
    })
  const endToEnd = producing(bench.command('e2e'))
    .description('latency from when a record was due to be sent to its delivery')
    .option('--rate <N>', 'records a second', asCount, 1000)
    .action(async (options, command) => {
      const { benchEndToEnd } = await import('../../bench/bench-e2e.js')
      const { connection, json } = called(command)
      await benchEndToEnd(connection, { ...options, json })
    })
  examples(produce, environment, [
    ['bench produce --partitions 4 --seconds 5', 'flat out'],
    ['bench produce --rate 10000', 'latency at 10,000 records/s'],
  ])
  examples(consume, environment, [['bench consume --decode --seconds 5']])
  examples(endToEnd, environment, [['bench e2e --rate 1000 --seconds 5']])
}
