/**
 * The commands with their arguments and options, as commander has them: one file a group in program/.
 * Runs on: main. Touches: nothing until a command is run.
 */
import { Command } from 'commander'
import { releaseVersion } from '../../native-free-core/version.js'
import type { CliEnvironment } from './environment.js'
import { printText } from './output.js'
import { addBench } from './program/bench.js'
import { addBroker } from './program/broker.js'
import { addCluster } from './program/cluster.js'
import { addCompletion } from './program/completion.js'
import { addConfig } from './program/config.js'
import { addConsume } from './program/consume.js'
import { addContext } from './program/context.js'
import { addDoctor } from './program/doctor.js'
import { addGlobalOptions } from './program/global-options.js'
import { helpStyle } from './program/help-style.js'
import { addLog } from './program/log.js'
import { addProduce } from './program/produce.js'
import { addToken } from './program/token.js'
import { addTop } from './program/top.js'
import { addTopic } from './program/topic.js'
import { wantsColour } from './terminal/colours.js'
import { writeError } from './write-error.js'

export function buildProgram(environment: CliEnvironment): Command {
  const { name, isJson } = environment
  const program = new Command(name)
    .description('StreamBus: a durable message broker. Streams of records on disk, over WebSocket.')
    .version(releaseVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp(helpStyle())
    .showHelpAfterError(`(${name} --help tells the commands and options)`)
    .configureOutput({
      getOutHasColors: () => wantsColour(process.stdout.isTTY, process.env),
      getErrHasColors: () => wantsColour(process.stderr.isTTY, process.env),
      writeOut: printText,
      // Otherwise the error is told as JSON.
      writeErr: isJson ? () => {} : writeError,
    })
    .exitOverride()
    .addHelpText('after', footer(name))
  addGlobalOptions(program)
  // The order of help.
  program.commandsGroup('Records:')
  addProduce(program, environment)
  addConsume(program, environment)
  program.commandsGroup('Topics and cluster:')
  addTopic(program, environment)
  addCluster(program, environment)
  addTop(program, environment)
  program.commandsGroup('Running a broker:')
  addBroker(program, environment)
  addDoctor(program, environment)
  addConfig(program, environment)
  addToken(program, environment)
  addLog(program, environment)
  addBench(program, environment)
  program.commandsGroup('This program:')
  addContext(program, environment)
  addCompletion(program, environment)
  program.helpCommand('help [COMMAND]', 'print help of a command')
  withoutHelpCommands(program.commands)
  return program
}

/** `help` is the program's alone: each command has --help. */
function withoutHelpCommands(commands: readonly Command[]): void {
  for (const command of commands) {
    if (command.commands.length > 0) command.helpCommand(false)
    withoutHelpCommands(command.commands)
  }
}

function footer(name: string): string {
  return `
Examples:
  ${name} topic create my-topic --partitions 10
  echo "Hello, StreamBus!" | ${name} produce my-topic
  ${name} consume my-topic
  ${name} consume --help

Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration,
  70 a broker that must not go on.`
}
