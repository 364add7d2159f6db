/**
 * `cluster status`.
 * Runs on: main. Touches: the client, stdout.
 */
import type { Invocation } from '../environment.js'
import { printFacts, printJson } from '../output.js'
import { withClient } from '../with-client.js'

export async function clusterStatus(invocation: Invocation): Promise<void> {
  const status = await withClient(invocation, (client) => client.admin().clusterStatus())
  if (invocation.isJson) printJson(status)
  else printFacts(flatten(levelsOf(status)))
}

/** Without what only means something as a difference of two answers, which `top` makes. */
function levelsOf(status: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { counters: _counters, histograms: _histograms, subscribedPartitions: _partitions, ...levels } = status
  return levels
}

/** `a.b` for nested fields, lists as JSON. */
function flatten(value: Readonly<Record<string, unknown>>, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, field]): [string, string][] => {
    if (typeof field === 'object' && field !== null && !Array.isArray(field)) {
      return flatten(field as Record<string, unknown>, `${prefix}${name}.`)
    }
    return [[`${prefix}${name}`, typeof field === 'string' ? field : JSON.stringify(field)]]
  })
}
