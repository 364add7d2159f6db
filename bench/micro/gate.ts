/**
 * `npm run bench:gate`: fails when something that is timed by itself became slower than its baseline allows.
 * Runs on: a process of its own. Touches: the baseline, when --update is given.
 *
 * Processor time by itself says little on a shared machine, whose speed moves by half within minutes. Each run of a
 * case is therefore divided by the calibration loop just before it. What seems slower is measured once more, and must
 * be so again.
 */
import { cpus } from 'node:os'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { clientCases } from './client-cases.js'
import { type Baseline, gateLines, lineText, middle, type Ratios } from './gate-judge.js'
import { calibration, type MicroCase, processorSeconds } from './micro-case.js'
import { batchCases } from './record-batch-cases.js'

const { values } = parseArgs({
  options: {
    update: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    tolerance: { type: 'string', default: '20' },
  },
})
const rounds = wholeNumber('--rounds', values.rounds)
const tolerancePercent = wholeNumber('--tolerance', values.tolerance)
/** From build/bench/micro. */
const baselineFile = new URL('../../../bench/micro/baseline.json', import.meta.url)
const node = process.versions.node.split('.')[0]!
const processor = cpus()[0]?.model ?? 'unknown'

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  console.error(`error: ${option} is "${text}"; expected a whole number of at least 1`)
  process.exit(2)
}

/** In turns, so that what the machine does at a time meets all of them. */
async function measure(cases: readonly MicroCase[]): Promise<Ratios> {
  const ratios = new Map<string, number[]>(cases.map(({ name }) => [name, []]))
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const one of cases) {
      const beside = await processorSeconds(calibration)
      const seconds = await processorSeconds(one)
      if (round > 0) ratios.get(one.name)!.push(seconds / beside)
    }
  }
  return Object.fromEntries([...ratios].map(([name, found]) => [name, middle(found)]))
}

function rounded(ratios: Ratios): Ratios {
  return Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toPrecision(4))]))
}

const startMs = performance.now()
const cases = [...batchCases, ...(await clientCases())]
const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as Baseline
const before = baseline.nodes[node] ?? {}
let now = await measure(cases)
if (values.update) {
  const nodes = { ...(baseline.processor === processor ? baseline.nodes : {}), [node]: rounded(now) }
  writeFileSync(baselineFile, `${JSON.stringify({ processor, nodes }, undefined, 2)}\n`)
  console.log(`wrote the baseline of Node.js ${node}`)
} else {
  const suspects = new Set(slowerOf(now))
  if (suspects.size > 0) {
    const again = await measure(cases.filter(({ name }) => suspects.has(name)))
    now = {
      ...now,
      ...Object.fromEntries(Object.entries(again).map(([name, ratio]) => [name, Math.min(ratio, now[name]!)])),
    }
  }
  for (const line of gateLines(before, now, tolerancePercent)) console.log(lineText(line))
  const slower = slowerOf(now)
  if (baseline.nodes[node] === undefined) console.log(`there is no baseline of Node.js ${node}: nothing was compared`)
  if (processor !== baseline.processor) console.log(`the baseline is of another processor (${baseline.processor})`)
  if (slower.length > 0) console.error(`bench:gate: slower by more than ${tolerancePercent} %: ${slower.join('; ')}`)
  process.exitCode = slower.length > 0 ? 1 : 0
}
console.log(`${rounds} rounds in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)

function slowerOf(ratios: Ratios): string[] {
  const lines = gateLines(before, ratios, tolerancePercent)
  return lines.filter(({ verdict }) => verdict === 'slower').map(({ name }) => name)
}
