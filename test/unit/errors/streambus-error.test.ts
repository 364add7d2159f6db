/**
 * Errors that come over the wire.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { errorTable } from '../../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'

describe('StreamBusError.fromCode', () => {
  const { code, remedy, meaning } = errorTable.AUTHENTICATION_REQUIRED

  it('does not say the remedy of the table twice when the message brings it', () => {
    const error = StreamBusError.fromCode(code, `no token came. ${remedy}`)
    expect([error.name, error.message, error.remedy]).to.deep.equal([
      'AUTHENTICATION_REQUIRED',
      'no token came',
      remedy,
    ])
  })

  it('leaves every other message as it came', () => {
    expect(StreamBusError.fromCode(code, 'no token came').message).to.equal('no token came')
    const own = StreamBusError.fromCode(code, `no token came. ${remedy}`, 'Ask Anna.')
    expect([own.message, own.remedy]).to.deep.equal([`no token came. ${remedy}`, 'Ask Anna.'])
    expect(StreamBusError.fromCode(code, '').message).to.equal(meaning)
  })
})
