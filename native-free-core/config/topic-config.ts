/**
 * Every configuration entry of a topic, as rows; names, units, defaults and meanings are Kafka's where Kafka has them.
 * Runs on: every thread. Touches: nothing. Source: Kafka's topic configuration reference.
 */
import { StreamBusError } from '../errors/streambus-error.js'
import { choiceRow, type ConfigRow, type ConfigValue, expectationOf, integerRow } from './config-row.js'
import { isQuantityUnit, parseQuantity } from './quantity.js'

const MiB = 1 << 20
const dayMs = 86_400_000
const most = Number.MAX_SAFE_INTEGER

export const topicConfigTable = {
  'cleanup.policy': choiceRow('delete', ['delete'], 'What happens to old segments. Only delete yet.', false),
  'flush': choiceRow('commit', ['commit', 'interval', 'os'],
    'When a record counts as stored: commit (on disk before it is acknowledged), interval (synced every '
    + 'flush.ms), os (when the system likes). Kafka has no such entry.', false),
  'flush.ms': integerRow(1000, 1, dayMs, 'ms', 'With flush: interval, how often the topic is synced.', false),
  'index.interval.bytes': integerRow(4096, 512, 16 * MiB, 'bytes',
    'How many bytes lie between two index entries.', false),
  'max.message.bytes': integerRow(1_048_588, 1024, 16 * MiB, 'bytes', 'The largest record batch accepted.', false),
  'message.timestamp.type': choiceRow('CreateTime', ['CreateTime'],
    'Whose clock a record\'s time is. Only CreateTime: the broker leaves producers\' bytes alone.', false),
  'message.timestamp.before.max.ms': integerRow(most, 0, most, 'ms',
    'How far in the past a record\'s time may lie.', false),
  'message.timestamp.after.max.ms': integerRow(3_600_000, 0, most, 'ms',
    'How far in the future a record\'s time may lie.', false),
  'min.insync.replicas': integerRow(1, 1, 1, 'count', 'In-sync copies that acks=all needs.', false),
  'retention.bytes': integerRow(-1, -1, most, 'bytes',
    'The size of a partition above which old segments go; -1: no limit.', false),
  'retention.ms': integerRow(7 * dayMs, -1, most, 'ms', 'The age above which old segments go; -1: no limit.', false),
  'segment.bytes': integerRow(1_073_741_824, 65_536, 2_147_483_647, 'bytes',
    'The size at which a new segment begins.', false),
  'segment.index.bytes': integerRow(10_485_760, 4096, 1 << 30, 'bytes', 'The largest size of an index file.', false),
  'segment.ms': integerRow(7 * dayMs, 1, most, 'ms', 'The age at which a new segment begins.', false),
} as const satisfies Record<string, ConfigRow>

export type TopicConfigKey = keyof typeof topicConfigTable
export const topicConfigRows: Readonly<Record<TopicConfigKey, ConfigRow>> = topicConfigTable

/** A topic's entries in force, under names that code can use. */
export interface TopicConfig {
  readonly flush: 'commit' | 'interval' | 'os'
  readonly flushMs: number
  readonly indexIntervalBytes: number
  readonly maxMessageBytes: number
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly retentionBytes: number
  readonly retentionMs: number
  readonly segmentBytes: number
  readonly segmentIndexBytes: number
  readonly segmentMs: number
}

/** Sizes and durations as the plain numbers that are stored: 7d is 604800000. What is none stays as it is. */
export function plainTopicEntries(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, plainText(name, text)]))
}

function plainText(name: string, text: string): string {
  const unit = Object.hasOwn(topicConfigRows, name) ? topicConfigRows[name as TopicConfigKey].unit : undefined
  return isQuantityUnit(unit) ? String(parseQuantity(text, unit) ?? text) : text
}

function parseEntry(name: string, text: string): ConfigValue {
  // Not a plain look-up: "constructor" is in every object.
  const row = Object.hasOwn(topicConfigRows, name) ? topicConfigRows[name as TopicConfigKey] : undefined
  if (row === undefined) {
    throw new StreamBusError('INVALID_CONFIG',
      `topic configuration ${name} is unknown; known are ${Object.keys(topicConfigTable).join(', ')}`)
  }
  if (row.type === 'integer') {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= row.min! && value <= row.max!) return value
  } else if (row.choices?.includes(text)) return text
  throw new StreamBusError('INVALID_CONFIG', `topic configuration ${name} is "${text}"; expected ${expectationOf(row)}`)
}

/** Throws INVALID_CONFIG with name, value and range for the first entry that is unknown or out of range. */
export function validateTopicConfig(entries: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(entries)) parseEntry(name, text)
}

/** All entries in force as text, defaults included. */
export function effectiveTopicConfig(entries: Readonly<Record<string, string>>): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, row] of Object.entries(topicConfigRows)) all[name] = entries[name] ?? String(row.defaultValue)
  return all
}

/** The typed form. Throws INVALID_CONFIG like validateTopicConfig. */
export function topicConfigOf(entries: Readonly<Record<string, string>> = {}): TopicConfig {
  validateTopicConfig(entries)
  const all = effectiveTopicConfig(entries)
  const number = (name: TopicConfigKey): number => Number(all[name])
  return {
    flush: all['flush'] as TopicConfig['flush'],
    flushMs: number('flush.ms'),
    indexIntervalBytes: number('index.interval.bytes'),
    maxMessageBytes: number('max.message.bytes'),
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    retentionBytes: number('retention.bytes'),
    retentionMs: number('retention.ms'),
    segmentBytes: number('segment.bytes'),
    segmentIndexBytes: number('segment.index.bytes'),
    segmentMs: number('segment.ms'),
  }
}
