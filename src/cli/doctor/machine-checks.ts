/**
 * Node.js, the front end, and what the system lets a process have: cores, memory, files, a clock.
 * Runs on: main. Touches: the probes.
 */
import { type BrokerConfig, memoryBoundBytes } from '../../../native-free-core/config/broker-config.js'
import { bytesText, countText } from '../terminal/quantities.js'
import { fail, type Finding, ok, warn } from './finding.js'
import type { Probes } from './probes.js'

/** For segments, journals, sockets of the broker's own. */
const otherFiles = 1024
/** For the heaps of Node.js and the threads, beside what is bounded by the configuration. */
const heapBytes = 300 * 2 ** 20
/** Before anything that knows StreamBus was written. */
const firstTimeMs = Date.UTC(2026, 0, 1)

export function nodeCheck({ nodeVersion }: Probes): Finding {
  const major = Number(/^v(\d+)\./.exec(nodeVersion)?.[1])
  if (major % 2 === 0) return ok('Node.js', nodeVersion)
  const found = `${nodeVersion} is of a line without long-term support`
  return warn('Node.js', found, 'Use an even major version: 20, 22, 24.')
}

export function frontEndCheck(probes: Probes, { frontEnd }: BrokerConfig): Finding {
  if (frontEnd === 'ws') return ok('front end', 'ws, as configured')
  const why = probes.whyNotUws()
  if (why === undefined) return ok('front end', `uws: its binary fits Node.js ${probes.nodeVersion}`)
  if (frontEnd === 'auto') return ok('front end', `ws, because ${why}`)
  return fail('front end', `frontEnd is uws, but ${why}`, 'Set frontEnd: auto or ws; or use Node.js 20.')
}

export function coresCheck(probes: Probes, { pinShards }: BrokerConfig, shardCount: number): Finding {
  const cores = probes.cores()
  const quota = probes.cpuQuota()
  const shards = `${shardCount} shard${shardCount === 1 ? '' : 's'}`
  if (quota !== undefined) {
    const found = `${shards} under a quota of ${Number(quota.toFixed(2))} cores: not pinned, stopped when it is used up`
    return warn('cores', found, 'For even latencies give the broker whole cores (a cpuset) instead of a quota.')
  }
  if (cores === undefined) return ok('cores', `${shards}, not pinned: this system does not say which cores are allowed`)
  const found = `${shards} on ${cores.length} core${cores.length === 1 ? '' : 's'}`
  if (cores.length < 2) {
    return warn(
      'cores',
      `${found}: shards and the main thread share it, not pinned`,
      'Give the broker two cores or more.',
    )
  }
  if (shardCount > cores.length - 1) {
    return warn('cores', `${found}: too many to have one each, not pinned`, 'Lower shards, or set it to 0.')
  }
  if (!pinShards) return ok('cores', `${found}, not pinned (pinShards: false)`)
  if (probes.canPin()) return ok('cores', `${found}, each pinned to its own`)
  const missing = `${found}, not pinned: the optional package koffi is not there`
  return warn('cores', missing, 'Install it (npm install without --omit=optional), or set pinShards: false.')
}

export function memoryCheck(probes: Probes, config: BrokerConfig, shardCount: number): Finding {
  const memoryBytes = probes.memoryBytes()
  const boundBytes = memoryBoundBytes(config, shardCount, 0) + heapBytes
  const perConnection = memoryBoundBytes(config, shardCount, 1) - memoryBoundBytes(config, shardCount, 0)
  const slowCount = Math.max(0, Math.floor((memoryBytes - boundBytes) / perConnection))
  const found =
    `${bytesText(boundBytes)} at most of ${bytesText(memoryBytes)}, and ${bytesText(perConnection)} for each ` +
    `connection that reads nothing (room for ${countText(slowCount)})`
  const remedy = 'Lower journalMemoryBytes, volatileMemoryBytes, maxInFlightBytes or shards; or give it more memory.'
  if (boundBytes > memoryBytes) return fail('memory', found, remedy)
  return boundBytes > memoryBytes / 2 ? warn('memory', found, remedy) : ok('memory', found)
}

export function filesCheck(probes: Probes, { maxConnections }: BrokerConfig): Finding {
  const limit = probes.openFilesLimit()
  if (limit === undefined) return ok('open files', 'no limit is known')
  const needed = maxConnections + otherFiles
  const found = `${countText(limit)} allowed, maxConnections is ${countText(maxConnections)}`
  const remedy = `Raise it to ${countText(needed)} (LimitNOFILE= of systemd, ulimit -n), or lower maxConnections.`
  if (limit < otherFiles) return fail('open files', `${found}: too few for a broker`, remedy)
  return limit < needed ? warn('open files', found, remedy) : ok('open files', found)
}

export function clockCheck(probes: Probes): Finding {
  const now = new Date(probes.nowMs())
  if (probes.nowMs() < firstTimeMs) {
    return fail('clock', `it is ${now.toISOString()} here, which can't be`, 'Set the clock: retention goes by it.')
  }
  const isSynced = probes.isClockSynced()
  if (isSynced === true) return ok('clock', 'kept by a time server')
  if (isSynced === undefined)
    return ok('clock', `${now.toISOString()}; whether a time server keeps it is not known here`)
  const found = 'no time server keeps it: retention and times of records go by it'
  return warn('clock', found, 'Run systemd-timesyncd or chrony.')
}
