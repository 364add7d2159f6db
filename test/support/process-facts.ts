/**
 * What Linux tells of a running process: memory, open files, threads.
 * Runs on: the process of a test or long run. Touches: /proc (reads).
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessFacts {
  readonly residentBytes: number
  readonly openFiles: number
  readonly threads: number
}

export function processFacts(pid: number): ProcessFacts {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const numberAfter = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)![1])
  return {
    residentBytes: numberAfter('VmRSS') * 1024,
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
    threads: numberAfter('Threads'),
  }
}
