/**
 * The gate of micro-benchmarks: what it calls slower.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { gateLines, lineText, middle } from '../../../../bench/micro/gate-judge.js'
import { calibration, processorSeconds } from '../../../../bench/micro/micro-case.js'

describe('the gate of micro-benchmarks', () => {
  it('calls slower, faster, and new what is beyond its tolerance', () => {
    const lines = gateLines({ a: 1, b: 1, c: 1, gone: 1 }, { a: 1.19, b: 1.21, c: 0.8, d: 5 }, 20)
    expect(lines.map(({ name, verdict }) => `${name} ${verdict}`)).to.deep.equal([
      'a same',
      'b slower',
      'c faster',
      'd new',
    ])
    expect(lineText(lines[1]!)).to.match(/^b +1\.210 {2}\(baseline 1\.000, 21\.0 % slower\) {2}SLOWER$/)
    expect(lineText(lines[3]!)).to.match(/\(no baseline\) {2}NEW$/)
    expect(gateLines({}, { constructor: 1 }, 20)[0]!.verdict).to.equal('new')
  })

  it('takes the middle of its rounds and times by processor time', async () => {
    expect(middle([5, 1, 3])).to.equal(3)
    expect(await processorSeconds(calibration)).to.be.greaterThan(0)
  })
})
