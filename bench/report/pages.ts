/**
 * Writes tables and plots into the pages, between markers; everything else in a page is written by hand.
 * Runs on: main, and tests. Touches: docs/performance.md, docs/images, README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Results } from '../compare/results.js'
import { latencyPlot, shapesPlot, throughputPlot } from './plots.js'
import {
  cpuTable,
  failuresTable,
  latencyTable,
  limitsTable,
  machineText,
  objectivesTable,
  readmeTable,
  stagesTable,
  startTable,
  throughputTable,
  wsTable,
} from './tables.js'

/** By the name in the marker. */
const parts: Readonly<Record<string, (results: Results) => string>> = {
  machine: machineText,
  objectives: objectivesTable,
  ws: wsTable,
  throughput: throughputTable,
  cpu: cpuTable,
  latency: latencyTable,
  stages: stagesTable,
  start: startTable,
  limits: limitsTable,
  failures: failuresTable,
  readme: readmeTable,
}

const markedPart = /(<!-- measured: (\w+) -->\n)[^]*?(<!-- end of measured -->)/g

/** The page with its marked parts made anew. */
export function rendered(page: string, results: Results): string {
  return page.replace(markedPart, (_, start: string, name: string, end: string) => {
    const part = parts[name]
    if (part === undefined) throw new Error(`measured: ${name} is no part; expected ${Object.keys(parts).join(', ')}`)
    return `${start}\n${part(results)}\n\n${end}`
  })
}

/** Every file that is made from results, by its path in the repository. */
export function renderedFiles(root: string, results: Results): ReadonlyMap<string, string> {
  const page = (path: string) => [path, rendered(readFileSync(join(root, path), 'utf8'), results)] as const
  return new Map([
    page('docs/performance.md'),
    page('README.md'),
    ['docs/images/throughput.svg', throughputPlot(results)],
    ['docs/images/shapes.svg', shapesPlot(results)],
    ['docs/images/latency.svg', latencyPlot(results)],
  ])
}

export function writePages(root: string, results: Results, from: string): void {
  for (const [path, text] of renderedFiles(root, results)) {
    writeFileSync(join(root, path), text)
    console.error(`wrote ${path} from ${relative(root, from)}`)
  }
}
