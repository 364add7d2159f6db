/**
 * Leader epochs and Kafka's text file of them.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  formatLeaderEpochs,
  LeaderEpochs,
  parseLeaderEpochs,
} from '../../../native-free-core/log/leader-epoch-checkpoint.js'

const entry = (epoch: number, startOffset: number) => ({ epoch, startOffset })

describe('leader epochs', () => {
  it('are noted once, when they begin', () => {
    const epochs = new LeaderEpochs()
    expect(epochs.latestEpoch).to.equal(-1)
    expect([epochs.assign(0, 0), epochs.assign(0, 5), epochs.assign(3, 9), epochs.assign(2, 12)]).to.deep.equal([
      true,
      false,
      true,
      false,
    ])
    expect(epochs.all).to.deep.equal([entry(0, 0), entry(3, 9)])
  })

  it('replace one that began at the same offset without a record', () => {
    const epochs = new LeaderEpochs([entry(0, 0), entry(1, 9)])
    epochs.assign(2, 9)
    expect(epochs.all).to.deep.equal([entry(0, 0), entry(2, 9)])
  })

  it('are cut at both ends with the log', () => {
    const epochs = new LeaderEpochs([entry(0, 0), entry(1, 10), entry(2, 20)])
    expect(epochs.truncateTo(20)).to.equal(true)
    expect(epochs.truncateTo(20)).to.equal(false)
    expect(epochs.truncateFrom(15)).to.equal(true)
    expect(epochs.all).to.deep.equal([entry(1, 15)])
    expect(epochs.truncateFrom(15)).to.equal(false)
  })
})

describe('a leader-epoch-checkpoint', () => {
  it('has the form of Kafka and comes back', () => {
    const text = formatLeaderEpochs([entry(0, 0), entry(3, 1204)])
    expect(text).to.equal('0\n2\n0 0\n3 1204\n')
    expect(parseLeaderEpochs(text)).to.deep.equal([entry(0, 0), entry(3, 1204)])
    expect(parseLeaderEpochs('0\n0\n')).to.deep.equal([])
  })

  it('is refused with the line that is wrong', () => {
    expect(() => parseLeaderEpochs('1\n0\n')).to.throw('line 1 of a leader-epoch-checkpoint is "1"; expected version 0')
    expect(() => parseLeaderEpochs('0\n2\n0 0\n')).to.throw('line 2')
    expect(() => parseLeaderEpochs('0\n1\n0 x\n')).to.throw('line 3')
    expect(() => parseLeaderEpochs('0\n2\n1 5\n1 9\n')).to.throw('line 4')
    expect(() => parseLeaderEpochs('')).to.throw('line 1')
  })
})
