/**
 * The commands with their arguments and options, as commander has them: one file a group in program/.
 * Runs on: main. Touches: nothing until a command is run.
 */
import { Command } from 'commander'
import { releaseVersion } from '../../native-free-core/version.js'
import type { CliEnvironment } from './environment.js'
import { addBench } from './program/bench.js'
import { addBroker } from './program/broker.js'
import { addCluster } from './program/cluster.js'
import { addConfig } from './program/config.js'
import { addConsume } from './program/consume.js'
import { addGlobalOptions } from './program/global-options.js'
import { addLog } from './program/log.js'
import { addProduce } from './program/produce.js'
import { addToken } from './program/token.js'
import { addTop } from './program/top.js'
import { addTopic } from './program/topic.js'

const exitCodes = `
Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration; a broker that must not go on ends with 70.`

export function buildProgram(environment: CliEnvironment): Command {
  const { name, isJson } = environment
  const program = new Command(name)
    .description('StreamBus: a durable message broker. Streams of records on disk, over WebSocket.')
    .version(releaseVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError(`(${name} --help tells the commands and options)`)
    .configureOutput(isJson ? { writeErr: () => {} } : {})
    .exitOverride()
    .addHelpText('after', exitCodes)
  addGlobalOptions(program)
  // The order of help.
  addBroker(program, environment)
  addTopic(program, environment)
  addProduce(program, environment)
  addConsume(program, environment)
  addConfig(program, environment)
  addToken(program, environment)
  addLog(program)
  addCluster(program, environment)
  addTop(program, environment)
  addBench(program, environment)
  return program
}
