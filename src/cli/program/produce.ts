/**
 * `produce`.
 * Runs on: main. Touches: nothing until it is run.
 */
import { type Command, Option } from 'commander'
import { codecNames } from '../../../native-free-core/log/record-batch.js'
import { asFraction, asPartition, asRate, collectHeaders, parseAcks } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { inputFormats } from '../records/formats.js'
import { examples } from './examples.js'

export function addProduce(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('produce')
    .argument('<TOPIC>')
    .argument('[FILE]')
    .description('send each line of FILE, or of standard input, as a record')
    .optionsGroup('Input:')
    .addOption(
      new Option(
        '--format <FORMAT>',
        'lines: each is a value; raw: all of the input is one; ndjson: each line is a ' +
          'record in JSON, as consume --json prints them',
      )
        .choices(inputFormats)
        .default('lines'),
    )
    .addOption(new Option('--raw', 'the same as --format raw').conflicts('keySeparator'))
    .addOption(new Option('-k, --key-separator <TEXT>', 'what comes before it in a line is the key').conflicts('key'))
    .option('--key <TEXT>', 'the key of all records; with ndjson: of those without')
    .option('-H, --header <NAME=VALUE>', 'a header of all records; may be repeated', collectHeaders)
    .option('-Z, --null-if-empty', 'send an empty value as null (a tombstone)')
    .optionsGroup('Delivery:')
    .option('-p, --partition <N>', 'send to this partition', asPartition)
    .option('--ignore-partition', 'ndjson: let keys decide, not the partition in the line')
    .addOption(
      new Option('--acks <ACKS>', "all: on disk on all in-sync copies; 1: on the leader's; 0: not waited for")
        .argParser(parseAcks)
        .default(-1, 'all'),
    )
    .option('--timeout <SECONDS>', 'give up on a record that is not acknowledged by then', asFraction, 120)
    .addOption(new Option('--compression <CODEC>', 'how batches are packed').choices(codecNames).default('none'))
    .option('--rate <N>', 'at most N records a second', asRate)
    .optionsGroup('Output:')
    .option('-v, --verbose', 'print partition and offset of each record')
    .option('-q, --quiet', 'nothing on stderr but failures')
  examples(command, environment, [
    ['produce orders < orders.txt'],
    ["produce orders -k ':' -v", 'a:1 is the value 1 with the key a'],
    ['produce images --key logo -H type=png --raw logo.png'],
    ['consume orders --until-end --json | PROGRAM produce copy --format ndjson', 'copy a topic, bytes and times'],
  ])
  command.action(async (topic, file, options) => {
    const { produce } = await import('../commands/produce.js')
    environment.end(await produce(invocationOf(command, environment), topic, file, options))
  })
}
