/**
 * The commands with their arguments and options, as commander has them.
 * Runs on: main. Touches: nothing until a command is run.
 */
import { Command, Option } from 'commander'
import { releaseVersion } from '../../native-free-core/version.js'
import { asCount, asFraction, asPartition, collectEntries, collectNames, parseAcks, parseFrom } from './arguments.js'

const defaultServer = '127.0.0.1:9400'

/** `end` is told the exit code of the command that ran. */
export function buildProgram(name: string, end: (exitCode: number) => void): Command {
  const program = new Command(name)
    .description('StreamBus: a durable message broker. Streams of records on disk, over WebSocket.')
    .version(releaseVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError(`(${name} --help tells the commands and options)`)
    .exitOverride()
    .addHelpText('after', exitCodes)
  program.addOption(
    new Option('--server <HOST:PORT>', 'the broker to talk to').env('STREAMBUS_SERVER').default(defaultServer),
  )
  addBroker(program, name, end)
  addTopic(program)
  addProduce(program, end)
  addConsume(program, end)
  addLog(program)
  addCluster(program)
  addBench(program)
  return program
}

const exitCodes = `
Exit codes: 0 done, 1 failed, 2 wrong arguments; a broker that must not go on ends with 70.`

function serverOf(command: Command): string {
  return command.optsWithGlobals<{ server: string }>().server
}

function addBroker(program: Command, name: string, end: (exitCode: number) => void): void {
  program
    .command('broker')
    .description('run a broker until a signal ends it')
    .option('-c, --config <FILE>', 'the configuration file; without it all settings have their defaults')
    .action(async ({ config }: { config?: string }) => {
      const { runBroker } = await import('../broker/run-broker.js')
      const cliName = name === 'streambus' ? 'npx streambus-cli' : `npx ${name}`
      end(await runBroker({ configFile: config, cliName }))
    })
}

function addTopic(program: Command): void {
  const topic = program.command('topic').description('create, list, describe, change and delete topics')
  const configs = ['--config <NAME=VALUE>', "an entry of the topic's configuration; may be repeated"] as const
  topic
    .command('create')
    .argument('<NAME>')
    .description('create a topic')
    .option('-p, --partitions <N>', 'partitions', asCount, 1)
    .option('-r, --replication-factor <N>', 'copies of each partition', asCount, 1)
    .option(...configs, collectEntries, {})
    .action(async (name, options, command) => {
      const { createTopic } = await import('./commands/topic.js')
      await createTopic(serverOf(command), name, options)
    })
  topic
    .command('list')
    .description('list topics')
    .option('--json', 'print JSON')
    .action(async (options, command) => {
      const { listTopics } = await import('./commands/topic.js')
      await listTopics(serverOf(command), options)
    })
  topic
    .command('describe')
    .argument('<NAME>')
    .description("tell a topic's configuration, and each partition's offsets and size")
    .option('--json', 'print JSON')
    .action(async (name, options, command) => {
      const { describeTopic } = await import('./commands/topic.js')
      await describeTopic(serverOf(command), name, options)
    })
  topic
    .command('alter')
    .argument('<NAME>')
    .description("change a topic's configuration")
    .option(...configs, collectEntries, {})
    .option('--unset <NAME>', 'go back to the default; may be repeated', collectNames, [])
    .action(async (name, options, command) => {
      const { alterTopic } = await import('./commands/topic.js')
      await alterTopic(serverOf(command), name, options)
    })
  topic
    .command('delete')
    .argument('<NAME>')
    .description('delete a topic and its records')
    .action(async (name, _options, command) => {
      const { deleteTopic } = await import('./commands/topic.js')
      await deleteTopic(serverOf(command), name)
    })
}

function addProduce(program: Command, end: (exitCode: number) => void): void {
  program
    .command('produce')
    .argument('<TOPIC>')
    .description('send each line of standard input as a record')
    .option('-k, --key-separator <TEXT>', 'what comes before it in a line is the key')
    .option('-p, --partition <N>', 'send to this partition', asPartition)
    .option('--acks <ACKS>', "all: on disk on all in-sync copies; 1: on the leader's; 0: not waited for", parseAcks, -1)
    .option('--timeout <SECONDS>', 'give up on a record that is not acknowledged by then', asFraction, 120)
    .action(async (topic, options, command) => {
      const { produce } = await import('./commands/produce.js')
      end(await produce(serverOf(command), topic, options))
    })
}

function addConsume(program: Command, end: (exitCode: number) => void): void {
  program
    .command('consume')
    .argument('<TOPIC>')
    .description("print each record's value as a line")
    .option(
      '-f, --from <WHERE>',
      'earliest, latest, an offset, a time (2026-11-23T10:00) or a time ago (-5m)',
      parseFrom,
    )
    .option('-n, --max-messages <N>', 'end after this many records', asCount)
    .option('--until-end', 'end when everything is read that was there at the start')
    .option('-p, --partition <N>', 'read this partition only', asPartition)
    .option('-k, --key-separator <TEXT>', 'print the key and this before the value')
    .option('-g, --group <GROUP>', 'not yet: consumer groups come with the next release')
    .action(async (topic, options, command) => {
      const { consume } = await import('./commands/consume.js')
      end(await consume(serverOf(command), topic, options))
    })
}

function addLog(program: Command): void {
  program
    .command('log')
    .description('look into files of a data folder')
    .command('dump')
    .argument('<FILE>')
    .description('tell what a segment, index, snapshot, checkpoint or journal holds')
    .option('--records', 'each record of a segment, too')
    .action(async (file, options) => {
      const { dumpLog } = await import('./commands/log-dump.js')
      await dumpLog(file, options)
    })
}

function addCluster(program: Command): void {
  program
    .command('cluster')
    .description('look at the cluster')
    .command('status')
    .description('tell what runs there')
    .option('--json', 'print JSON')
    .action(async (options, command) => {
      const { clusterStatus } = await import('./commands/cluster.js')
      await clusterStatus(serverOf(command), options)
    })
}

function addBench(program: Command): void {
  const bench = program.command('bench').description('measure this broker with this client, in one process')
  const common = (command: Command) =>
    command
      .option('--topic <NAME>', 'created if it is missing; default: bench-N for N partitions')
      .option('--partitions <N>', 'of a topic that is created', asCount, 1)
      .option('--record-bytes <N>', 'the size of a value', asCount, 100)
      .option('--seconds <N>', 'how long to measure', asFraction, 10)
      .option('--json', 'print JSON')
  const producing = (command: Command) =>
    common(command)
      .option('--batch-bytes <N>', 'send a batch when it is this large', asCount, 262_144)
      .option('--linger <MS>', 'or this old', asFraction, 1)
  producing(bench.command('produce'))
    .description('records a second flat out, or latency at a rate')
    .option('--rate <N>', 'records a second, open loop: latency counts from when each was due', asCount)
    .action(async (options, command) => {
      const { benchProduce } = await import('../bench/bench-produce.js')
      await benchProduce(serverOf(command), options)
    })
  common(bench.command('consume'))
    .description('records a second of what is in the topic')
    .option('--decode', 'look at each record, not only at batches')
    .action(async (options, command) => {
      const { benchConsume } = await import('../bench/bench-consume.js')
      await benchConsume(serverOf(command), options)
    })
  producing(bench.command('e2e'))
    .description('latency from when a record was due to be sent to its delivery')
    .option('--rate <N>', 'records a second', asCount, 1000)
    .action(async (options, command) => {
      const { benchEndToEnd } = await import('../bench/bench-e2e.js')
      await benchEndToEnd(serverOf(command), options)
    })
}
