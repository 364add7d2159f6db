/**
 * CPU time and memory of processes and threads of this machine, from /proc; nothing elsewhere.
 * Runs on: main. Touches: /proc, reading.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU time of processes in hundredths of a second. */
const msPerTick = 10
const userTimeField = 13
const startTimeField = 21

function statFields(path: string): string[] | undefined {
  const stat = contentOf(path)
  // The name in parentheses may hold spaces: fields count from after it, the third is first.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** User and system time of a process; undefined when there is no such process here. */
export function cpuMsOf(pid: number): number | undefined {
  const fields = statFields(`/proc/${pid}/stat`)
  if (fields === undefined) return undefined
  return (Number(fields[userTimeField - 2]) + Number(fields[userTimeField - 1])) * msPerTick
}

/** How long ago it started; undefined when there is no such process here. */
export function ageMsOf(pid: number): number | undefined {
  const startTicks = Number(statFields(`/proc/${pid}/stat`)?.[startTimeField - 2])
  const upSeconds = Number(contentOf('/proc/uptime')?.split(' ')[0])
  return Number.isFinite(startTicks) && Number.isFinite(upSeconds)
    ? upSeconds * 1000 - startTicks * msPerTick
    : undefined
}

export function residentMiBOf(pid: number): number | undefined {
  const kibibytes = /VmRSS:\s+(\d+)/.exec(contentOf(`/proc/${pid}/status`) ?? '')?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024
}

/** Of each thread of a process, in milliseconds by its id; empty where the system does not tell. */
export function threadCpuMs(pid: number): Map<number, number> {
  const found = new Map<number, number>()
  for (const id of threadIdsOf(pid)) {
    const nanoseconds = Number(contentOf(`/proc/${pid}/task/${id}/schedstat`)?.split(' ')[0])
    if (Number.isFinite(nanoseconds)) found.set(id, nanoseconds / 1e6)
  }
  return found
}

function threadIdsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return []
  }
}

/** The most that one thread used between two answers of `threadCpuMs`; undefined: nothing is known. */
export function busiestMs(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number | undefined {
  const used = Array.from(after, ([id, cpuMs]) => cpuMs - (before.get(id) ?? 0))
  return used.length === 0 ? undefined : Math.max(...used)
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
