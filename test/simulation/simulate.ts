/**
 * Simulations of a whole broker, one for each seed. A failing seed prints how to run it again, which kinds of fault it
 * needs, and what happened last.
 * Runs on: a process of its own, and one more for each further core.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { checkOptions } from '../support/options.js'
import { seedOfRun } from '../support/random.js'
import { type Canary, canaries, canaryNamed } from './canaries.js'
import { realNowMs } from './globals.js'
import { type FaultKind, faultKinds } from './plan.js'
import { type Failure, firstFailure, neededFaults, runSeed, type SeedOptions } from './run-seed.js'

const usage = `npm run simulate -- [options]: a whole broker in one thread, once for each seed
  --seed N              the first seed; without --seeds that one alone (without it: by chance)
  --seeds N             how many (1000; 2000 for --canaries)
  --without KIND,KIND   leaves kinds of fault out, of:
                        ${faultKinds.join(', ')}
  --canary NAME         puts a mistake in; test/simulation/README.md has their names
  --canaries            tells for each mistake which seed finds it first
  --narrow              narrows seeds to what a canary needs
  --events N            how many of the last events of a failing seed are shown (40)
  --most N              ends after so many failing seeds (5)
  --processes N         on how many cores (2, or as many as there are)`

const args = process.argv.slice(2)
/** In a process that another made: it has looked. */
const isChild = args.includes('--child')
if (!isChild) checkOptions(usage)

function textOf(name: string): string | undefined {
  const at = args.indexOf(name)
  return at < 0 ? undefined : args[at + 1]
}

function numberOf(name: string, otherwise: number): number {
  const text = textOf(name)
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is ${text}; expected a whole number`)
  return value
}

function kindsOf(text: string | undefined): Set<FaultKind> {
  const kinds = new Set<FaultKind>()
  for (const name of (text ?? '').split(',').filter((part) => part !== '')) {
    const kind = faultKinds.find((one) => one === name)
    if (kind === undefined) throw new Error(`there is no kind of fault ${name}; there are ${faultKinds.join(', ')}`)
    kinds.add(kind)
  }
  return kinds
}

const isReplay = args.includes('--seed') && !args.includes('--seeds')
const firstSeed = numberOf('--seed', args.includes('--canaries') ? 1 : seedOfRun())
const seedCount = numberOf('--seeds', isReplay ? 1 : args.includes('--canaries') ? 2000 : 1000)
const shownEvents = numberOf('--events', 40)
const mostFailures = numberOf('--most', 5)
const processCount = Math.max(1, Math.min(numberOf('--processes', Math.min(2, availableParallelism())), seedCount))
const canaryName = textOf('--canary')
const canary = canaryName === undefined ? undefined : canaryNamed(canaryName)
const isNarrow = args.includes('--narrow')
const without = kindsOf(textOf('--without'))
const options: SeedOptions = { canary, without, hints: isNarrow ? canary?.hints : undefined }

interface Sum {
  seeds: number
  steps: number
  batches: number
  crashes: number
  failures: number[]
}

function flags(): string {
  const leftOut = without.size === 0 ? '' : ` --without '${[...without].join(',')}'`
  return `${canary === undefined ? '' : ` --canary ${canary.name}`}${isNarrow ? ' --narrow' : ''}${leftOut}`
}

/** Every stack trace costs more than a step: they are made when the seed runs again. */
async function runAll(first: number, count: number): Promise<Sum> {
  const sum: Sum = { seeds: 0, steps: 0, batches: 0, crashes: 0, failures: [] }
  const { stackTraceLimit } = Error
  for (let seed = first; seed < first + count && sum.failures.length < mostFailures; seed++) {
    Error.stackTraceLimit = 0
    const outcome = await runSeed(seed, options)
    Error.stackTraceLimit = stackTraceLimit
    sum.seeds++
    if ('failure' in outcome) {
      sum.failures.push(seed)
      await report(outcome.failure)
      continue
    }
    sum.steps += outcome.result.steps
    sum.batches += outcome.result.batches
    sum.crashes += outcome.result.crashes
  }
  return sum
}

async function report({ seed }: Failure): Promise<void> {
  const outcome = await runSeed(seed, { ...options, keptEvents: Math.max(shownEvents, 100) })
  if ('result' in outcome) {
    console.error(
      `seed ${seed} failed and does not fail again: the simulation is not deterministic, which is a mistake`,
    )
    return
  }
  const { failure } = outcome
  const needed = await neededFaults(failure, options)
  console.error(`seed ${seed}: ${failure.error.stack ?? failure.error.message}`)
  console.error(failure.lines(shownEvents).join('\n'))
  console.error(`  it needs: ${needed.length === 0 ? 'no fault' : needed.join(', ')}`)
  console.error(`  replay: npm run simulate -- --seed ${seed}${flags()} --events ${10 * shownEvents}\n`)
}

function inChild(first: number, count: number): Promise<Sum> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(fileURLToPath(import.meta.url), [...args, '--child', `${first}`, `${count}`])
    let sum: Sum | undefined
    child.on('message', (message) => {
      sum = message as Sum
    })
    child.on('exit', (code) => {
      if (sum === undefined) reject(new Error(`a process that simulates ended with code ${code}`))
      else resolve(sum)
    })
  })
}

async function runInProcesses(): Promise<Sum> {
  if (processCount === 1) return runAll(firstSeed, seedCount)
  const part = Math.ceil(seedCount / processCount)
  const starts = Array.from({ length: processCount }, (_, index) => index * part)
  const sums = await Promise.all(
    starts.map((start) => inChild(firstSeed + start, Math.max(0, Math.min(part, seedCount - start)))),
  )
  const total: Sum = { seeds: 0, steps: 0, batches: 0, crashes: 0, failures: [] }
  for (const sum of sums) {
    total.seeds += sum.seeds
    total.steps += sum.steps
    total.batches += sum.batches
    total.crashes += sum.crashes
    total.failures.push(...sum.failures)
  }
  return total
}

async function searchCanary(one: Canary): Promise<boolean> {
  const startMs = realNowMs()
  Error.stackTraceLimit = 0
  const failure = await firstFailure(firstSeed, seedCount, {
    canary: one,
    without,
    hints: isNarrow ? one.hints : undefined,
  })
  const seconds = ((realNowMs() - startMs) / 1000).toFixed(1)
  const what = failure?.error.message.split('\n')[0]?.slice(0, 110)
  console.log(
    failure === undefined
      ? `${one.name}: NOT FOUND within ${seedCount} seeds, ${seconds} s`
      : `${one.name}: found by seed ${failure.seed} in ${seconds} s: ${what}`,
  )
  return failure !== undefined
}

async function main(): Promise<void> {
  if (isChild) {
    const child = args.indexOf('--child')
    const sum = await runAll(Number(args[child + 1]), Number(args[child + 2]))
    process.send!(sum)
    process.disconnect()
    return
  }
  if (args.includes('--canaries')) {
    let missed = 0
    for (const one of canaries) if (!(await searchCanary(one))) missed++
    console.log(`simulate: ${canaries.length} canaries, ${missed} not found`)
    process.exitCode = missed === 0 ? 0 : 1
    return
  }
  const startMs = realNowMs()
  const { seeds, steps, batches, crashes, failures } = await runInProcesses()
  const seconds = (realNowMs() - startMs) / 1000
  console.log(
    `simulate: ${seeds} seeds from ${firstSeed}, ${failures.length} failed, in ${seconds.toFixed(1)} s ` +
      `(${(seeds / seconds).toFixed(0)} a second, ${steps} steps, ${batches} batches, ${crashes} crashes)`,
  )
  process.exitCode = failures.length === 0 ? 0 : 1
}

await main()
