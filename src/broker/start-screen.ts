/**
 * The one screen that a broker shows when it is up.
 * Runs on: main. Touches: nothing.
 */
import { releaseVersion } from '../../native-free-core/version.js'
import type { BrokerFacts } from './start-broker.js'

/** A latency under this from a disk that says "synced" is worth a doubt: no medium is that fast. */
const suspiciousMs = 0.02

export function startScreen(facts: BrokerFacts, cliName: string, pid: number): string {
  const lines: [string, string][] = [
    ['WebSocket', `${facts.url}   (streambus.v1, streambus.json.v1)`],
    ['HTTP', `${facts.url.replace(/^ws/, 'http')}   (/health/live, /health/ready, /metrics)`],
    ...(facts.url.startsWith('wss') || facts.needsToken ? [['door', doorText(facts)] as [string, string]] : []),
    ['data folder', facts.dataFolder],
    [
      'durability',
      `an acknowledged record is on disk; a synced write takes ${latencyText(facts.commitLatencyMs)} here`,
    ],
    ['front end', `${facts.frontEnd} (${facts.frontEndReason})`],
    ['shards', `${facts.shardCount}${facts.pinned ? ', pinned to cores' : ''}`],
    ['process', `pid ${pid}, Node.js ${process.version}, ready after ${durationText(facts.startDurationMs)}`],
  ]
  const width = Math.max(...lines.map(([name]) => name.length))
  const body = lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join('\n')
  return `\nStreamBus ${releaseVersion} is ready.\n\n${body}\n\n${nextCommands(facts, cliName)}\n`
}

function doorText({ url, needsToken }: BrokerFacts): string {
  const tls = url.startsWith('wss') ? 'TLS' : 'no TLS'
  return `${tls}; ${needsToken ? 'whoever connects needs a token' : 'nobody is asked for a token'}`
}

function nextCommands(facts: BrokerFacts, cliName: string): string {
  const isTls = facts.url.startsWith('wss')
  const address = isTls ? facts.url : `${facts.host}:${facts.port}`
  const server = facts.port === 9400 && !isTls ? '' : ` --server ${address}`
  return [
    '  Next, in another terminal:',
    '',
    ...(isTls
      ? ['    export STREAMBUS_TLS_CA=FILE    # the certificate of its authority, unless the system knows it']
      : []),
    ...(facts.needsToken ? [`    export STREAMBUS_TOKEN=TOKEN    # of ${cliName} token create`] : []),
    `    ${cliName} topic create my-topic --partitions 10${server}`,
    `    echo "Hello, StreamBus!" | ${cliName} produce my-topic${server}`,
    `    ${cliName} consume my-topic${server}`,
    '',
    '  Ctrl-C stops the broker.',
    '',
  ].join('\n')
}

function latencyText(latencyMs: number): string {
  if (Number.isNaN(latencyMs)) return 'a time that was not measured'
  const text = `${latencyMs < 10 ? latencyMs.toFixed(2) : latencyMs.toFixed(0)} ms`
  return latencyMs < suspiciousMs ? `${text} (too fast for a disk: is this folder in memory?)` : text
}

export function durationText(durationMs: number): string {
  return durationMs < 10_000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`
}
