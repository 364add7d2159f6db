/**
 * The question that is asked for every row of the protocol table: may this principal do that?
 * Runs on: main. Touches: nothing.
 * Until there are users everybody who reaches the listener (loopback by default) may do everything; the question is
 * asked all the same, at every place where it will matter.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type MessageRow, messageRows } from '../../native-free-core/protocol/message-table.js'

export type Operation = MessageRow['operation']
export type Resource = MessageRow['resource']

/** `name`: the topic's; empty for the cluster and for none. */
export type Authorize = (principal: string, operation: Operation, resource: Resource, name: string) => boolean

export const anonymous = 'anonymous'

export const allowAll: Authorize = () => true

/** Throws TOPIC_AUTHORIZATION_FAILED or CLUSTER_AUTHORIZATION_FAILED. */
export function requireRight(authorize: Authorize, principal: string, row: MessageRow, name: string): void {
  if (!authorize(principal, row.operation, row.resource, name)) throw refusal(principal, row, name)
}

export function refusal(principal: string, row: MessageRow, name: string): StreamBusError {
  const error = row.resource === 'topic' ? 'TOPIC_AUTHORIZATION_FAILED' : 'CLUSTER_AUTHORIZATION_FAILED'
  return new StreamBusError(error, `${principal} lacks the right to ${row.operation} ${row.resource} ${name}`.trimEnd())
}

/** The row of a message; a misspelt name is a programmer's error. */
export function rowOf(name: string): MessageRow {
  const row = messageRows[name]
  if (row === undefined) throw new Error(`invariant broken: no message is called ${name}`)
  return row
}
