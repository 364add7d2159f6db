/**
 * `cluster status`.
 * Runs on: main. Touches: the client, stdout.
 */
import { printFacts, printJson } from '../output.js'
import { withClient } from '../with-client.js'

export async function clusterStatus(server: string, { json }: { json?: boolean }): Promise<void> {
  const status = await withClient(server, (client) => client.admin().clusterStatus())
  if (json) printJson(status)
  else printFacts(flatten(status))
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
