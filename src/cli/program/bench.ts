/**
 * `bench produce | consume | e2e | fanout`; slo, report and diff are in bench-slo.ts.
 * Runs on: main. Touches: nothing until one is run.
 */
import type { Command } from 'commander'
import type { LoadOptions } from '../../bench/load-options.js'
import { asCount, asFraction, asRate } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { connectOptionsOf } from '../target.js'
import { addBenchSlo } from './bench-slo.js'
import { examples } from './examples.js'

export function addBench(program: Command, environment: CliEnvironment): void {
  const bench = program
    .command('bench')
    .description('measure a broker: throughput, latency, CPU, and that nothing is lost')
  const run = async (command: Command, kind: LoadOptions['kind']): Promise<void> => {
    const { runBench } = await import('../../bench/bench-command.js')
    const invocation = invocationOf(command, environment)
    const exitCode = await runBench(
      connectOptionsOf(invocation.target()),
      loadOptions(kind, command.opts()),
      invocation.isJson,
    )
    if (exitCode !== 0) environment.end(exitCode)
  }
  const produce = pacing(producing(common(bench.command('produce'))))
    .description('records a second flat out, or latency at a rate')
    .option('--rate <N>', 'records a second, open loop: latency counts from when each was due', asRate)
    .option('--replay', 'send batches that were encoded beforehand: a row of its own, never the headline')
    .action((options: { replay?: true }, command: Command) => run(command, options.replay ? 'replay' : 'produce'))
  const consume = common(bench.command('consume'))
    .description('records a second of what is in the topic, again and again')
    .option('--decode', 'look at each record, not only at batches')
    .option('--fill <N>', 'produce so many records first, unless they are there', asCount)
    .option('--record-bytes <SIZE>', 'of those values', '100')
    .action((_options, command: Command) => run(command, 'consume'))
  const endToEnd = pacing(producing(common(bench.command('e2e'))))
    .description('latency from when a record was due to be sent to its delivery')
    .option('--rate <N>', 'records a second, open loop; default: 1000', asRate)
    .option('--one-at-a-time', 'instead of a rate: send the next when the one before was delivered')
    .action((_options, command: Command) => run(command, 'e2e'))
  const fanOut = pacing(producing(common(bench.command('fanout'))))
    .description('latency to each of many subscribers, and to the last of them')
    .option('--rate <N>', 'records a second of one producer; default: 1000', asRate)
    .option('--subscribers <N>', 'each gets every record; they share the connections', asCount, 10)
    .action((_options, command: Command) => run(command, 'fanout'))
  examples(produce, environment, [
    ['bench produce --partitions 4 --seconds 5', 'flat out'],
    ['bench produce --rate 10000', 'latency at 10,000 records/s'],
    ['bench produce --threads 2 --record-bytes 50..200 --compression lz4'],
  ])
  examples(consume, environment, [['bench consume --decode --fill 1000000 --seconds 5']])
  examples(endToEnd, environment, [
    ['bench e2e --rate 1000 --seconds 5'],
    ['bench e2e --one-at-a-time --seconds 5', 'the shortest way there and back'],
  ])
  examples(fanOut, environment, [['bench fanout --subscribers 100 --connections 10 --rate 500 --seconds 5']])
  addBenchSlo(bench, environment)
}

function common(command: Command): Command {
  return command
    .option('--topic <NAME>', 'created if it is missing; default: bench-N for N partitions')
    .option('--topics <N>', 'so many, called NAME-0, NAME-1 and so on', asCount, 1)
    .option('--partitions <N>', 'of a topic that is created', asCount, 1)
    .option('--flush <MODE>', 'of a topic that is created: commit, interval or os; default: commit')
    .option('--delete-topics', 'afterwards, those that it created')
    .option('--threads <N>', 'of this client', asCount, 1)
    .option('--connections <N>', 'over all threads; default: one for each', asCount)
    .option('--seconds <N>', 'how long to measure', asFraction, 10)
    .option('--warm-up <SECONDS>', 'the same load before, not counted', asFraction, 0)
    .option('--no-broker-metrics', 'do not ask the broker for its metrics every second')
    .option('--name <TEXT>', 'of the row in the result')
}

function producing(command: Command): Command {
  return command
    .option('--record-bytes <SIZE>', 'of values: 100, 50..200, or with weights 100:0.9,1000:0.1', '100')
    .option('--keys <N>', 'so many keys in turn decide the partitions; default: none', asCount)
    .option('--compression <CODEC>', 'none, gzip, snappy, lz4 or zstd; packs words, not random bytes', 'none')
    .option('--batch-bytes <N>', 'send a batch when it is this large', asCount, 262_144)
    .option('--linger <MS>', 'or this old; default: 1, one at a time 0', asFraction)
    .option('--no-verify', 'do not read back afterwards what was acknowledged')
}

function pacing(command: Command): Command {
  return command
    .option('--step <MS>', 'at a rate: records fall due together in such steps', asRate, 1)
    .option(
      '--max-lateness <MS>',
      'void when P99 of its own is above; default: 1, and half of the P99 measured',
      asRate,
    )
}

interface CliOptions extends Omit<LoadOptions, 'kind' | 'lingerMs' | 'stepMs' | 'warmUpSeconds' | 'maxLatenessMs'> {
  readonly linger?: number
  readonly step?: number
  readonly warmUp?: number
  readonly maxLateness?: number
}

/** Options have the names of the library's, with their units. */
function loadOptions(kind: LoadOptions['kind'], options: CliOptions): LoadOptions {
  const { linger, step, warmUp, maxLateness, ...same } = options
  return { kind, ...same, lingerMs: linger, stepMs: step, warmUpSeconds: warmUp, maxLatenessMs: maxLateness }
}
