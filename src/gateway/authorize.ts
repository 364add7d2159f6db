/**
 * The question that is asked for every row of the protocol table: may this principal do that?
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type MessageRow, messageRows } from '../../native-free-core/protocol/message-table.js'
import { type Operation, type Principal, rightBits } from './principal.js'

export type Resource = MessageRow['resource']

/** `name`: the topic's; empty for the cluster, for none, and for a partition id that is nobody's. */
export type Authorize = (principal: Principal, operation: Operation, resource: Resource, name: string) => boolean

/** docs/security.md has it as a table, and a test asks for every message, role and prefix. */
export const authorizeByRole: Authorize = (principal, operation, resource, name) => {
  if (principal.isAdmin || operation === 'none') return true
  const rights = resource === 'topic' ? principal.topicRights(name) : principal.clusterRights
  return (rights & rightBits[operation]) !== 0
}

/** Throws TOPIC_AUTHORIZATION_FAILED or CLUSTER_AUTHORIZATION_FAILED. */
export function requireRight(authorize: Authorize, principal: Principal, row: MessageRow, name: string): void {
  if (!authorize(principal, row.operation, row.resource, name)) throw refusal(principal, row, name)
}

export function refusal(principal: Principal, row: MessageRow, name: string): StreamBusError {
  const error = row.resource === 'topic' ? 'TOPIC_AUTHORIZATION_FAILED' : 'CLUSTER_AUTHORIZATION_FAILED'
  const what = name === '' ? `the ${row.resource}` : `${row.resource} "${name.slice(0, 300)}"`
  return new StreamBusError(error, `${principal.describe()} lacks the right to ${row.operation} ${what}`)
}

/** Does not name the topic: whoever may not use it need not learn what it is called. */
export function partitionRefusal(principal: Principal, row: MessageRow, partitionId: number): StreamBusError {
  return new StreamBusError(
    'TOPIC_AUTHORIZATION_FAILED',
    `${principal.describe()} lacks the right to ${row.operation} the topic of partition id ${partitionId}`,
  )
}

/** The row of a message; a misspelt name is a programmer's error. */
export function rowOf(name: string): MessageRow {
  const row = messageRows[name]
  if (row === undefined) throw new Error(`invariant broken: no message is called ${name}`)
  return row
}
