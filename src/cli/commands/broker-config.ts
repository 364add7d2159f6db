/**
 * `broker config get` and `broker config set`: the configuration of a broker that runs.
 * Runs on: main. Touches: the client, stdout.
 */
import { brokerConfigRows } from '../../../native-free-core/config/broker-config.js'
import { type ConfigRow, valueText } from '../../../native-free-core/config/config-row.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { BrokerConfigEntry } from '../../../native-free-core/protocol/codecs.generated.js'
import type { Invocation } from '../environment.js'
import { notice, printJson, printTable } from '../output.js'
import { withClient } from '../with-client.js'

export async function getBrokerConfig(invocation: Invocation, key: string | undefined): Promise<void> {
  const keys = key === undefined ? [] : [key]
  const entries = await withClient(invocation, (client) => client.admin().describeBrokerConfig(keys))
  print(invocation, entries)
}

export interface SetOptions {
  readonly unset: readonly string[]
}

export async function setBrokerConfig(
  invocation: Invocation,
  changes: Readonly<Record<string, string>>,
  { unset }: SetOptions,
): Promise<void> {
  const reset = Object.fromEntries(unset.map((key) => [key, null]))
  if (Object.keys(changes).length + unset.length === 0) {
    throw new StreamBusError('USAGE', 'nothing to change', { remedy: 'Give KEY=VALUE, or --unset KEY.' })
  }
  const alter = { ...reset, ...changes }
  const { entries, note } = await withClient(invocation, (client) => client.admin().alterBrokerConfig(alter))
  print(invocation, entries)
  notice(invocation, note)
}

function print({ isJson }: Invocation, entries: readonly BrokerConfigEntry[]): void {
  if (isJson) return printJson(Object.fromEntries(entries.map(({ key, ...entry }) => [key, entry])))
  const rows = entries.map((entry) => [entry.key, shown(entry), entry.source, entry.restart ? 'restart' : 'running'])
  printTable(['KEY', 'VALUE', 'FROM', 'CHANGES'], rows)
}

/** A broker of another version may have keys that this one does not know. */
function shown({ key, value }: BrokerConfigEntry): string {
  const row: ConfigRow | undefined = brokerConfigRows[key as keyof typeof brokerConfigRows]
  if (value === '') return '-'
  return row?.type === 'integer' ? valueText(Number(value), row) : value
}
