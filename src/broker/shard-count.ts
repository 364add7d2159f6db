/**
 * How many shards a broker runs, and which cores they are pinned to.
 * Runs on: main, at the start. Touches: /proc and cgroup files, reading.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const mostShards = 8

/** The smaller of 8 and the allowed cores minus one, for main; at least one. */
export function defaultShardCount(allowedCores = availableParallelism()): number {
  return Math.max(1, Math.min(mostShards, allowedCores - 1))
}

/** Cores that this process may run on, in order; undefined where the system does not say. */
export function allowedCores(): number[] | undefined {
  const line = /^Cpus_allowed_list:\s*(.+)$/m.exec(readOrEmpty('/proc/self/status'))?.[1]
  if (line === undefined) return undefined
  return line
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first, last] = part.split('-').map(Number)
      return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index) => first! + index)
    })
}

/** Cores' worth of CPU time that a cgroup allows; undefined: no limit. */
export function cpuQuota(text = readOrEmpty('/sys/fs/cgroup/cpu.max')): number | undefined {
  const [quotaUs, periodUs] = text.split(/\s+/).map(Number)
  return quotaUs !== undefined && quotaUs > 0 ? quotaUs / (periodUs ?? Number.NaN) : undefined
}

/** True when a cgroup limits CPU time: a pinned thread would be stopped while another core is idle. */
function hasQuota(): boolean {
  return cpuQuota() !== undefined
}

/** A core for each shard, the first core left to main; undefined when pinning would do harm or nothing. */
export function coresForShards(shardCount: number): number[] | undefined {
  const cores = allowedCores()
  if (cores === undefined || cores.length < 2 || shardCount > cores.length - 1 || hasQuota()) return undefined
  return cores.slice(1, 1 + shardCount)
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
