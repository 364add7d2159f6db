/**
 * Configuration entries of topics, as people give them.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  plainTopicEntries,
  topicConfigOf,
  topicConfigRows,
  validateTopicConfig,
} from '../../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'

function refusal(entries: Record<string, string>): StreamBusError {
  try {
    topicConfigOf(entries)
  } catch (error) {
    if (StreamBusError.is(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('topic configuration', () => {
  it('has a default for every entry, which is within its own range', () => {
    const defaults = Object.entries(topicConfigRows).map(([name, row]) => [name, String(row.defaultValue)])
    expect(topicConfigOf(Object.fromEntries(defaults))).to.deep.equal(topicConfigOf())
  })

  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'retention', 'Flush', '']) {
    it(`knows no entry "${name}" and tells which there are`, () => {
      const error = refusal(Object.fromEntries([[name, '1']]))
      expect(error.name).to.equal('INVALID_CONFIG')
      expect(error.message).to.contain(`topic configuration ${name} is unknown; known are cleanup.policy, flush, `)
    })
  }

  const wrong: [string, string, string][] = [
    ['retention.ms', '-2', '-1 to 9007199254740991 ms'],
    ['retention.ms', '1e3', '-1 to 9007199254740991 ms'],
    ['retention.ms', '', '-1 to 9007199254740991 ms'],
    ['segment.bytes', '65535', '65536 to 2147483647 bytes'],
    ['segment.bytes', '2147483648', '65536 to 2147483647 bytes'],
    ['segment.bytes', '1 MiB', '65536 to 2147483647 bytes'],
    ['flush', 'never', 'commit, interval, os'],
    ['flush', 'toString', 'commit, interval, os'],
    ['cleanup.policy', 'compact', 'delete'],
  ]
  for (const [name, text, expected] of wrong) {
    it(`refuses "${text}" for ${name} and tells the range`, () => {
      const error = refusal({ [name]: text })
      expect(error.name).to.equal('INVALID_CONFIG')
      expect(error.message).to.equal(`topic configuration ${name} is "${text}"; expected ${expected}`)
    })
  }

  it('takes sizes and durations with units as the plain numbers that are stored', () => {
    const plain = plainTopicEntries({ 'retention.ms': '7d', 'segment.bytes': '64 MiB', flush: 'os', nothing: '1m' })
    expect(plain).to.deep.equal({
      'retention.ms': '604800000',
      'segment.bytes': '67108864',
      flush: 'os',
      nothing: '1m',
    })
    expect(() => validateTopicConfig(plainTopicEntries({ 'retention.ms': '7x' }))).to.throw(/retention.ms is "7x"/)
  })
})
