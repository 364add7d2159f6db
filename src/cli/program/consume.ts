/**
 * `consume`.
 * Runs on: main. Touches: nothing until it is run.
 */
import { type Command, Option } from 'commander'
import { asCount, asRegex, collectHeaderFilters, collectNames, collectPartitions, parseFrom } from '../arguments.js'
import { CommandLine } from '../command-line.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { valueFormats } from '../records/formats.js'
import { examples } from './examples.js'

const template = `
Template:
  %v or %s value    %k key        %h headers (NAME=VALUE,...)   %S size of the value, -1 for null
  %t topic          %p partition  %o offset                     %K size of the key, -1 for null
  %T milliseconds   %d time       %% a percent sign             %R size of the value in four bytes
  and \\n \\r \\t \\0 \\\\ \\x1f. Nothing is added: end it with \\n for lines.`

export function addConsume(program: Command, environment: CliEnvironment): void {
  const command = program
    .command('consume')
    .argument('<TOPIC>')
    .description('print the records of a topic, one value a line, and follow it')
    .optionsGroup('Where:')
    .option(
      '-o, --from <WHERE>',
      'earliest (default), latest, an offset (42), the last records (-10), a time (2026-11-23T10:00), a time ago ' +
        '(-90s, -5m, -2h, -1d), or an offset for each partition (0:42,1:7)',
      parseFrom,
    )
    .addOption(new Option('--last <N>', 'begin with the newest N records').argParser(asCount).conflicts('from'))
    .option('-p, --partition <N,...>', 'read these partitions only: 3, or 0,2, or 0-5', collectPartitions)
    .option('-n, --max-messages <N>', 'end after N records were printed', asCount)
    .option('--until-end', 'end when everything is read that was there at the start')
    .optionsGroup('Which:')
    .option('--key <TEXT>', 'records of this key; may be repeated', collectNames)
    .option('--key-regex <REGEX>', 'records whose key matches', asRegex)
    .option('--header <NAME[=VALUE]>', 'records with this header; may be repeated, then all', collectHeaderFilters)
    .option('--grep <REGEX>', 'records whose value matches', asRegex)
    .option('-i, --ignore-case', 'upper and lower case are the same in both')
    .optionsGroup('How:')
    .addOption(
      new Option('-f, --format <TEMPLATE>', "print each record so, as '%k %v\\n'; see below").conflicts('keySeparator'),
    )
    .option('-k, --key-separator <TEXT>', 'print the key and this before the value')
    .addOption(
      new Option('--value-format <FORMAT>', 'values as they are, as one line of JSON, in hex or base64')
        .choices(valueFormats)
        .default('text'),
    )
    .addOption(new Option('--key-format <FORMAT>', 'the same for keys').choices(valueFormats).default('text'))
    .option('-q, --quiet', 'nothing on stderr but errors')
    .addHelpText('after', template)
  examples(command, environment, [
    ['consume orders --last 10', 'the newest ten records, then what comes'],
    ["consume orders -o -5m --until-end -f '%d %p/%o %k %v\\n'", 'the last five minutes, with time and place'],
    ['consume orders -o 42 -p 3 -n 1', 'one record'],
    ['consume orders --until-end --json | jq -r \'select(.key == "a").value\'', 'docs/cli.md has the schema'],
    ["consume orders --grep 'error|failed' -i", 'follow what matches'],
  ])
  const commandLine = new CommandLine(command)
  command.action(async (topic, options) => {
    const { consume } = await import('../commands/consume.js')
    environment.end(await consume(invocationOf(command, environment), topic, options, commandLine))
  })
}
