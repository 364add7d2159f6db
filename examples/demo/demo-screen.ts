/**
 * The screen of the demo, and its lines where there is no terminal.
 */
import type { Colours } from '../../src/cli/terminal/colours.js'
import { Line } from '../../src/cli/terminal/line.js'
import type { LiveView } from '../../src/cli/terminal/live-view.js'
import { countText, latencyText } from '../../src/cli/terminal/quantities.js'
import type { TerminalSize } from '../../src/cli/terminal/terminal.js'
import type { DemoRun } from './demo-run.js'

const labelColumns = 14
const linesBesideMap = 10

export class DemoScreen implements LiveView {
  private readonly run: DemoRun
  private readonly colours: Colours

  constructor(run: DemoRun, colours: Colours) {
    this.run = run
    this.colours = colours
  }

  key(name: string): 'end' | undefined {
    return name === 'q' ? 'end' : undefined
  }

  draw({ columns, rows }: TerminalSize): string[] {
    const { run, colours } = this
    const { checksums } = run
    const { bold, dim, green, red, yellow } = colours
    const fact = (label: string): Line => new Line(columns).add('  ').left(label, labelColumns, dim)
    const agrees = checksums.difference === undefined
    const behind = checksums.sentCount - run.acknowledgedCount
    const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(1)} s`
    const lines = [
      new Line(columns).add('StreamBus: the broker is killed again and again, and nothing is lost', bold).toString(),
      '',
      fact('sent').right(countText(checksums.sentCount), 12).add('  flights, one by one', dim).toString(),
      fact('acknowledged')
        .right(countText(run.acknowledgedCount), 12)
        .add(behind > 0 ? `  ${countText(behind)} on their way` : '', run.isBrokerUp ? dim : yellow)
        .toString(),
      fact('read').right(countText(checksums.readCount), 12).toString(),
      fact('checksums')
        .add(`sender ${checksums.senderText}   reader ${checksums.readerText}   `)
        .add(agrees ? 'they agree' : `THEY DIFFER: ${checksums.difference}`, agrees ? green : red)
        .toString(),
      fact('broker')
        .add(run.isBrokerUp ? `pid ${run.brokerPid}` : 'killed, starting again ...', run.isBrokerUp ? undefined : red)
        .add(run.isBrokerUp ? `, kill -9 in ${seconds(run.nextKillMs - performance.now())}` : '', dim)
        .toString(),
      fact('kills').add(killsText(run)).toString(),
      '',
    ]
    const mapRows = rows - linesBesideMap
    if (mapRows > 3) {
      const map = run.map.draw(columns, mapRows, performance.now())
      lines.push(...map.map((row) => new Line(columns).add(row, run.isBrokerUp ? colours.cyan : dim).toString()))
    }
    while (lines.length < rows - 1) lines.push('')
    return [...lines.slice(0, rows - 1), this.lastLine(columns)]
  }

  private lastLine(columns: number): string {
    const { bold, dim } = this.colours
    return new Line(columns)
      .add('q', bold)
      .add(' quit   the flights are those that the reader has just got', dim)
      .end(`${(this.run.elapsedMs / 1000).toFixed(1)} s`, dim)
      .toString()
  }
}

function killsText({ kills }: DemoRun): string {
  const last = kills.at(-1)
  if (last === undefined) return 'none yet'
  const gap = last.gapMs > 0 ? `, reader waited ${latencyText(last.gapMs)}` : ''
  return `${kills.length}; last time ready after ${latencyText(last.readyMs)}${gap}`
}

export function plainLine(run: DemoRun): string {
  const { checksums } = run
  const counts = `sent ${checksums.sentCount}, acknowledged ${run.acknowledgedCount}, read ${checksums.readCount}`
  const sums =
    checksums.difference === undefined
      ? `checksums agree (${checksums.readerText})`
      : `DIFFERS: ${checksums.difference}`
  return `${counts}, ${sums}, kills ${killsText(run)}`
}
