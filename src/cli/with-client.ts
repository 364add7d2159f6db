/**
 * Runs a command with a client, and makes its errors more helpful with what the client knows.
 * Runs on: main. Touches: the client.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { nearestOf } from '../broker/nearest.js'
import { type Client, connect } from '../client/index.js'
import type { Invocation } from './environment.js'
import { notice } from './output.js'
import { connectOptionsOf } from './target.js'

/** Connects, runs `body`, closes. A lost connection is told on stderr. */
export async function withClient<Result>(
  invocation: Invocation,
  body: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect({
    ...connectOptionsOf(invocation.target()),
    clientName: invocation.environment.name,
    onStateChange: stateTeller(invocation, () => client.server),
  })
  try {
    return await body(client)
  } finally {
    await client.close()
  }
}

function stateTeller(
  invocation: Invocation,
  server: () => string,
): (state: 'connected' | 'lost' | 'refused', error?: StreamBusError) => void {
  let wasLost = false
  return (state, error) => {
    if (state === 'lost')
      notice(invocation, `lost the connection to ${server()} (${error?.message}); connecting again ...`)
    else if (state === 'refused') return
    else if (wasLost) notice(invocation, `connected to ${server()} again`)
    wasLost = state === 'lost'
  }
}

/** Throws UNKNOWN_TOPIC_OR_PARTITION that suggests the nearest name, before anything else is done with the topic. */
export async function requireTopic(invocation: Invocation, client: Client, name: string): Promise<void> {
  const names = (await client.admin().listTopics()).map((topic) => topic.name)
  if (!names.includes(name)) throw noTopic(invocation, name, names)
}

/** Adds the nearest name to an error about a topic that is not there. */
export async function withSuggestion<Result>(
  invocation: Invocation,
  client: Client,
  name: string,
  body: Promise<Result>,
): Promise<Result> {
  try {
    return await body
  } catch (error) {
    if (!StreamBusError.is(error) || error.name !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
    const names = (await client.admin().listTopics()).map((topic) => topic.name)
    throw names.includes(name) ? error : noTopic(invocation, name, names)
  }
}

function noTopic(invocation: Invocation, name: string, names: readonly string[]): StreamBusError {
  const nearest = nearestOf(name, names)
  // Who may not see a topic is told the same.
  const ask = invocation.target().token === undefined ? '' : ', or ask for the right to read it'
  const create = `${invocation.environment.typed} topic create ${name} --partitions 1${ask}`
  return new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`, {
    remedy: nearest === undefined ? `Create it: ${create}` : `Did you mean "${nearest}"? Or create it: ${create}`,
  })
}
