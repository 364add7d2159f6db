/**
 * `doctor`: whether a broker would run well here; a line for each check, with what to do about it.
 * Runs on: main. Touches: the probes, the client, stdout.
 */
import { resolve } from 'node:path'
import { type BrokerConfig, brokerConfigOf } from '../../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { readConfig } from '../../broker/load-config.js'
import { defaultShardCount } from '../../broker/shard-count.js'
import type { ConnectOptions } from '../../client/index.js'
import { defaultServer } from '../../client/server-address.js'
import { askBroker, brokerCheck, brokerClockCheck, doorCheck, portCheck } from '../doctor/broker-checks.js'
import { diskChecks } from '../doctor/disk-checks.js'
import { fail, type Finding, ok } from '../doctor/finding.js'
import { clockCheck, coresCheck, filesCheck, frontEndCheck, memoryCheck, nodeCheck } from '../doctor/machine-checks.js'
import { machine, type Probes } from '../doctor/probes.js'
import type { Invocation } from '../environment.js'
import { ExitCode } from '../exit-code.js'
import { countOf, printJson, printLine } from '../output.js'
import { connectOptionsOf } from '../target.js'
import { type Colours, coloursFor } from '../terminal/colours.js'

/** Resolves with the exit code: 1 if anything fails. */
export async function doctor(invocation: Invocation, { config }: { readonly config?: string }): Promise<number> {
  const findings = await examine(machine, config, connectOptionsOf(invocation.target()))
  const count = (status: Finding['status']): number => findings.filter((finding) => finding.status === status).length
  const counts = { ok: count('ok'), warnings: count('warn'), failures: count('fail') }
  if (invocation.isJson) printJson({ ...counts, findings })
  else {
    const colours = coloursFor(process.stdout)
    for (const finding of findings) for (const line of linesOf(finding, colours)) printLine(line)
    printLine(`\n${counts.ok} ok, ${countOf(counts.warnings, 'warning')}, ${countOf(counts.failures, 'failure')}`)
  }
  return counts.failures === 0 ? ExitCode.done : ExitCode.failed
}

/** `target`: the broker to ask; the default means the one that the configuration would run. */
export async function examine(
  probes: Probes,
  configFile: string | undefined,
  target: ConnectOptions,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Finding[]> {
  const { config, findings } = configCheck(configFile, environment)
  const shardCount = config.shards > 0 ? config.shards : defaultShardCount(probes.cores()?.length)
  const [server = defaultServer] = target.servers ?? []
  const isAsked = server !== defaultServer
  const own = ownAddress(config)
  const asked = isAsked ? server : own
  const answer = await answerOf({ ...target, servers: [asked] }, probes)
  const atOwn = asked === own ? answer : await answerOf({ ...target, servers: [own] }, probes)
  const clock = brokerClockCheck(answer)
  return [
    nodeCheck(probes),
    frontEndCheck(probes, config),
    ...findings,
    await doorCheck(config),
    ...diskChecks(probes, config, resolve(config.dataFolder), shardCount),
    coresCheck(probes, config, shardCount),
    memoryCheck(probes, config, shardCount),
    filesCheck(probes, config),
    clockCheck(probes),
    await portCheck(probes, config, atOwn),
    brokerCheck(answer, asked, isAsked),
    ...(clock === undefined ? [] : [clock]),
  ]
}

/** The rest is checked with the defaults where the configuration is wrong. */
function configCheck(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): { config: BrokerConfig; findings: Finding[] } {
  const what = file ?? 'defaults and the environment'
  try {
    return { config: readConfig(file, environment).config, findings: [ok('configuration', what)] }
  } catch (error) {
    const { message, remedy } = StreamBusError.from(error)
    const config = brokerConfigOf()
    return { config, findings: [fail('configuration', message, `${remedy} What follows is of the defaults.`)] }
  }
}

function ownAddress({ host, port, tlsCertificateFile }: BrokerConfig): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `${tlsCertificateFile === '' ? '' : 'wss://'}${name}:${port}`
}

async function answerOf(options: ConnectOptions, { nowMs }: Probes) {
  try {
    return await askBroker(options, nowMs)
  } catch (error) {
    return StreamBusError.from(error)
  }
}

const checkColumns = 15

function linesOf({ status, check, found, remedy }: Finding, colours: Colours): string[] {
  const colour = { ok: colours.green, warn: colours.yellow, fail: colours.red }[status]
  const indent = ' '.repeat(6 + checkColumns)
  const [first, ...rest] = found.split('\n')
  const lines = [`${colour(status.padEnd(4))}  ${check.padEnd(checkColumns)}${first}`]
  lines.push(...rest.map((line) => indent + line))
  if (remedy !== undefined && remedy !== '') lines.push(...remedy.split('\n').map((line) => indent + colours.dim(line)))
  return lines
}
