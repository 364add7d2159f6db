/**
 * The machine as a subject: its limits, each measured in a process of its own.
 * Runs on: main. Touches: processes, /proc.
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { releaseVersion } from '../../native-free-core/version.js'
import type { RunResult } from '../../src/bench/run-result.js'
import type { LimitAnswer } from '../limits/main.js'
import { runTool } from './processes.js'
import type { Machine, SubjectDescription } from './results.js'
import { cannotMeasure, type Request, runResultOf, type Subject } from './subject.js'

const besidesSeconds = 30

export class MachineSubject implements Subject {
  readonly isUp = true
  private readonly options: { readonly root: string; readonly folder: string }

  constructor(options: { readonly root: string; readonly folder: string }) {
    this.options = options
  }

  describe(): SubjectDescription {
    return { name: 'this machine', version: process.version, configuration: 'bench/limits' }
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  async measure(request: Request): Promise<RunResult> {
    const { row, seconds } = request
    if (row.load.kind !== 'limit') return cannotMeasure(row.load)
    const program = join(this.options.root, 'build/bench/limits/main.js')
    const args = [program, JSON.stringify(row.load.limit), this.options.folder, String(seconds)]
    const startedAt = new Date().toISOString()
    const out = await runTool(process.execPath, args, { timeoutMs: (seconds * 3 + besidesSeconds) * 1000 })
    const answer = JSON.parse(out) as LimitAnswer
    return runResultOf({ request, subject: 'this machine', release: releaseVersion, startedAt, seconds, ...answer })
  }

  beginRound(): void {}

  stop(): Promise<void> {
    return Promise.resolve()
  }
}

export function machineOf(folder: string): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    fileSystem: fileSystemOf(folder),
    node: process.version,
  }
}

function fileSystemOf(folder: string): string {
  try {
    return execFileSync('stat', ['-f', '-c', '%T', folder]).toString().trim()
  } catch {
    return 'unknown'
  }
}
