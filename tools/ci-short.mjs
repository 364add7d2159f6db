/**
 * The short forms of the long runs, one after another, each with its time. A step whose npm script does not exist is
 * left out with a note. Fails if a step failed, after running them all.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

/** npm script and its arguments in the short form. */
const steps = [
  ['test:nodes', '--short'],
  ['test:compat'],
  ['test:browser'],
  ['chaos:kill', '--rounds', '3'],
  ['chaos:power', '--rounds', '3'],
  ['chaos:core', '--histories', '1000'],
  ['chaos:storage', '--histories', '300'],
  ['simulate', '--seeds', '1000', '--seed', '1'],
  ['chaos:connections', '--idle', '500', '--storm', '300', '--slow-readers', '5', '--flood-seconds', '2'],
  ['chaos:topics', '--topics', '100'],
  ['soak', '--minutes', '0.4'],
  ['fuzz', '--frames', '6000'],
  ['fuzz:decoders', '--inputs', '130000'],
  ['trace:sync'],
  ['flights:check'],
  ['demo', '--seconds', '10', '--kill-every', '3', '--plain'],
  ['check:packages'],
  ['check:executable'],
  ['release', '--trial'],
  ['bench:short'],
  ['bench:gate', '--tolerance', '60', '--rounds', '7'],
  ['bench:slo', '--repeat', '1', '--seconds', '1', '--warm-up', '1', '--loosen', '4'],
]

function runStep([script, ...args]) {
  const startMs = performance.now()
  const { status } = spawnSync('npm', ['run', '-s', script, '--', ...args], { cwd: root, stdio: 'inherit' })
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(`ci:short ${script}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`)
  return status === 0
}

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
for (const [script] of steps) {
  if (!(script in scripts)) console.log(`ci:short ${script}: left out, there is no such npm script`)
}
const failed = steps.filter(([script]) => script in scripts).filter((step) => !runStep(step))
if (failed.length > 0) {
  console.error(`ci:short: ${failed.map(([script]) => script).join(', ')} failed`)
  process.exitCode = 1
}
