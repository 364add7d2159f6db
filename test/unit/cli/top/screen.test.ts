/**
 * The screens of `top`, as texts beside this test.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { StreamBusError } from '../../../../native-free-core/errors/streambus-error.js'
import { BrokerModel } from '../../../../src/cli/top/broker-model.js'
import type { TopView } from '../../../../src/cli/top/poller.js'
import { TopicModel } from '../../../../src/cli/top/topic-model.js'
import { TopScreen, wholeTable } from '../../../../src/cli/top/top-screen.js'
import { coloursFor } from '../../../../src/cli/terminal/colours.js'
import { widthOf } from '../../../../src/cli/terminal/text-width.js'
import { expectSnapshot } from '../../../support/snapshot.js'
import { sampleAt, topicAt, type SampleOptions } from './samples.js'

const plain = coloursFor({}, {})
const look = { columns: 80, colours: plain, withBlocks: true }

function viewOf(topicCount: number, options: SampleOptions = {}): TopView {
  const broker = new BrokerModel()
  const topics = new TopicModel()
  const nameOf = (n: number) => ['flights', 'orders.eu', 'audit-log'][n] ?? `topic-with-a-longer-name-${n}`
  topics.setNames(Array.from({ length: topicCount }, (_, n) => ({ name: nameOf(n), partitionCount: 4 })))
  for (const second of [0, 1, 2, 3]) {
    const subscribed = [{ partitionId: 1, subscriptions: 4, slowestOffset: 2000 * second - 20 }]
    const sample = sampleAt(second, { subscribed, ...options })
    broker.add(sample)
    for (let n = 0; n < topicCount; n++) {
      topics.add(topicAt(nameOf(n), 4, Math.round((2000 * second) / (n + 1)), 1 + 4 * n), sample, second * 1000)
    }
  }
  return { broker: broker.view()!, topics: topics.view(), receivedMs: performance.now() }
}

/** What depends on the clock of this machine is left out. */
function drawn(screen: TopScreen, columns: number, rows: number): string {
  const lines = screen.draw({ columns, rows })
  expect(lines).to.have.length(rows)
  for (const line of lines) expect(widthOf(line), line).to.be.at.most(columns)
  return lines.map((line) => line.replace(/ answer \d+\.\d s old/, ' answer 0.0 s old').trimEnd()).join('\n')
}

const screenOf = (view: TopView): TopScreen => {
  const screen = new TopScreen({ server: '127.0.0.1:9400', colours: plain, withBlocks: true })
  screen.show(view)
  return screen
}

const expectScreen = (name: string, text: string) => expectSnapshot(`test/unit/cli/top/screens/${name}.txt`, text)

describe('the screen of top', () => {
  it('fits 80 columns and 24 rows', () => {
    expectScreen('80x24', drawn(screenOf(viewOf(3)), 80, 24))
  })

  it('uses what a larger terminal has, and says what has no room', () => {
    expectScreen('120x36', drawn(screenOf(viewOf(40, { shards: 12 })), 120, 36))
  })

  it('has a page of help', () => {
    const screen = screenOf(viewOf(3))
    screen.key('?')
    expectScreen('help', drawn(screen, 80, 24))
    screen.key('x')
    expect(drawn(screen, 80, 24)).to.contain('SETTLE LAG  RECORDS/S')
  })

  it('is one table with everything for a pipe', () => {
    const lines = wholeTable(viewOf(5, { shards: 3 }), '127.0.0.1:9400', look)
    expectScreen('once', lines.join('\n'))
  })

  it('never draws past its size, however small', () => {
    const screen = screenOf(viewOf(40, { shards: 12 }))
    for (const [columns, rows] of [
      [1, 1],
      [20, 5],
      [40, 12],
      [79, 23],
    ] as const) {
      const lines = screen.draw({ columns, rows: Math.max(2, rows) })
      for (const line of lines) expect(widthOf(line)).to.be.at.most(columns)
    }
  })

  it('sorts, turns round and scrolls by keys', () => {
    const screen = screenOf(viewOf(30))
    const first = () => drawn(screen, 80, 24).split('\n')[15]!.split(' ')[0]
    expect(first()).to.equal('flights')
    screen.key('r')
    expect(first()).to.equal('topic-with-a-lon…')
    screen.key('r')
    screen.key('s')
    expect(drawn(screen, 80, 24)).to.contain('sort: name')
    expect(first()).to.equal('audit-log')
    screen.key('down')
    expect(first()).to.equal('flights')
    screen.key('page-down')
    screen.key('page-up')
    screen.key('up')
    screen.key('up')
    expect(first()).to.equal('audit-log')
    for (let press = 0; press < 50; press++) screen.key('page-down')
    expect(drawn(screen, 80, 24)).to.match(/topics 2\d to 30 of 30/)
  })

  it('stands still while it is paused, and says so', () => {
    const screen = screenOf(viewOf(3))
    screen.key('p')
    screen.show(viewOf(1))
    expect(drawn(screen, 80, 24))
      .to.contain('paused')
      .and.contain('orders.eu')
    screen.key('p')
    expect(drawn(screen, 80, 24))
      .to.not.contain('paused')
      .and.not.contain('orders.eu')
  })

  it('tells of trouble until the next answer', () => {
    const screen = screenOf(viewOf(3))
    screen.showTrouble(new StreamBusError('NETWORK_EXCEPTION', 'lost the connection \x1b[2J'))
    expect(drawn(screen, 80, 24)).to.contain('lost the connection \ufffd[2J')
    screen.show(viewOf(3))
    expect(drawn(screen, 80, 24)).to.not.contain('lost')
  })
})
