/**
 * What stands beside every figure: the machine, the Node.js, and how fast the machine was just then.
 * Runs on: main. Touches: the processor for about 20 ms when it calibrates.
 */
import { availableParallelism, cpus } from 'node:os'
import { releaseVersion } from '../../native-free-core/version.js'
import type { RunResult } from './run-result.js'

export function environmentOf(status: Readonly<Record<string, unknown>>): RunResult['environment'] {
  const { frontEnd, version } = status
  return {
    node: process.version,
    release: typeof version === 'string' ? version : releaseVersion,
    ...(typeof frontEnd === 'string' ? { frontEnd } : {}),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
  }
}

const calibrationSteps = 10_000_000
/** So that the loop is compiled when it counts. */
const warmUpSteps = 1_000_000

/** Milliseconds of a fixed loop of arithmetic: two runs are comparable as far as these are. */
export function calibrationMs(): number {
  arithmetic(warmUpSteps)
  const startMs = performance.now()
  const result = arithmetic(calibrationSteps)
  const elapsedMs = performance.now() - startMs
  // Used, so that the loop can't be left out.
  return result === 0 ? 0 : elapsedMs
}

/** xorshift32: each step needs the one before. Never 0. */
function arithmetic(steps: number): number {
  let state = 2_463_534_242 | 0
  for (let left = steps; left > 0; left--) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
  }
  return state
}
