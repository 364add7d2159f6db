/**
 * Which names topics may have: Kafka's rules.
 * Runs on: every thread, and browsers. Touches: nothing.
 */
import { StreamBusError } from '../errors/streambus-error.js'

export const maxTopicNameLength = 249

/** Throws INVALID_TOPIC_EXCEPTION with the name and the rule that it breaks. */
export function checkTopicName(name: string): void {
  const broken = brokenRule(name)
  if (broken !== undefined) {
    throw new StreamBusError('INVALID_TOPIC_EXCEPTION', `topic name "${name.slice(0, 300)}" ${broken}`)
  }
}

function brokenRule(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name === '.' || name === '..') return 'names a folder'
  if (name.length > maxTopicNameLength) return `has ${name.length} characters; at most ${maxTopicNameLength} fit`
  const wrong = /[^a-zA-Z0-9._-]/.exec(name)
  return wrong === null ? undefined : `holds the character ${JSON.stringify(wrong[0])}`
}

/** Names with the same key would be the same metric: Kafka turns dots into underscores there. */
export function collisionKeyOf(name: string): string {
  return name.replaceAll('.', '_')
}
