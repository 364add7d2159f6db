/**
 * The screen of `top`: what is shown, and what keys change about it.
 * Runs on: main. Touches: nothing.
 */
import type { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Colours } from '../terminal/colours.js'
import { Line } from '../terminal/line.js'
import type { LiveView } from '../terminal/live-view.js'
import { countText, uptimeText } from '../terminal/quantities.js'
import { fit, printable } from '../terminal/text-width.js'
import type { TerminalSize } from '../terminal/terminal.js'
import type { TopView } from './poller.js'
import {
  brokerLines,
  columnsFor,
  helpLines,
  type Look,
  shardLines,
  type Sort,
  sorts,
  sortTopics,
  topicHead,
  topicLine,
} from './top-lines.js'

export interface ScreenOptions {
  readonly server: string
  readonly colours: Colours
  readonly withBlocks: boolean
}

/** Shards may take a share of the screen, and at least two lines. */
const shardShare = 0.25

const ageColumns = 20

export class TopScreen implements LiveView {
  private readonly options: ScreenOptions
  private latest: TopView | undefined
  private shown: TopView | undefined
  private trouble: string | undefined
  private isPaused = false
  private isHelp = false
  private sort: Sort = 'records/s'
  private isReversed = false
  private firstTopic = 0
  private pageRows = 1
  // What is between the first line and the last changes only with the answers and with keys.
  private body: string[] | undefined
  private keys = ''
  private first = ''
  private uptime = ''
  private bodySize: TerminalSize | undefined

  constructor(options: ScreenOptions) {
    this.options = options
  }

  show(view: TopView): void {
    this.latest = view
    this.trouble = undefined
    if (!this.isPaused) this.shown = view
    this.body = undefined
  }

  /** Something is wrong that may pass. */
  showTrouble(error: StreamBusError): void {
    this.trouble = printable(error.message)
    this.body = undefined
  }

  key(name: string): 'end' | undefined {
    this.body = undefined
    if (this.isHelp) {
      this.isHelp = false
      return undefined
    }
    switch (name) {
      case 'q':
      case 'Q':
        return 'end'
      case 'p':
      case 'space':
        this.isPaused = !this.isPaused
        this.shown = this.latest
        return undefined
      case 's':
        this.sort = sorts[(sorts.indexOf(this.sort) + 1) % sorts.length]!
        return undefined
      case 'r':
        this.isReversed = !this.isReversed
        return undefined
      case '?':
      case 'h':
        this.isHelp = true
        return undefined
      default:
        this.scroll(name)
        return undefined
    }
  }

  private scroll(key: string): void {
    const steps: Record<string, number> = {
      up: -1,
      down: 1,
      'page-up': -this.pageRows,
      'page-down': this.pageRows,
    }
    this.firstTopic += steps[key] ?? 0
  }

  draw(size: TerminalSize): readonly string[] {
    if (this.body === undefined || size.rows !== this.bodySize?.rows || size.columns !== this.bodySize.columns) {
      this.body = this.drawBody(size)
      this.bodySize = size
      this.uptime = ''
      this.keys = this.keysLine(size.columns)
    }
    const nowMs = performance.now()
    const age = size.columns > 2 * ageColumns ? this.ageText(nowMs) : ''
    return [this.firstLine(size.columns, nowMs), ...this.body, this.keys + age]
  }

  private firstLine(columns: number, nowMs: number): string {
    const { shown } = this
    const uptime = shown === undefined ? '-' : this.uptimeOf(shown, nowMs)
    if (uptime === this.uptime) return this.first
    const { bold, dim } = this.options.colours
    const line = new Line(columns).add('StreamBus', bold)
    if (shown !== undefined) line.add(` ${shown.broker.status.version}`, bold)
    line.add(` at ${printable(this.options.server)}`)
    if (shown !== undefined) {
      const { brokerId, frontEnd, node } = shown.broker.status
      line.add(`  broker ${brokerId}, ${frontEnd}, Node.js ${node}`, dim).end(uptime)
    }
    this.uptime = uptime
    this.first = line.toString()
    return this.first
  }

  private uptimeOf({ broker, receivedMs }: TopView, nowMs: number): string {
    return `up ${uptimeText(broker.status.uptimeMs + (this.isPaused ? 0 : nowMs - receivedMs))}`
  }

  /** The last line without its end. */
  private keysLine(columns: number): string {
    const { colours } = this.options
    const line = new Line(Math.max(0, columns - ageColumns))
    const key = (name: string, words: string) => line.add(name, colours.bold).add(` ${words}   `, colours.dim)
    key('q', 'quit')
    key('p', this.isPaused ? 'go on' : 'pause')
    key('s', `sort: ${this.sort}${this.isReversed ? ', reversed' : ''}`)
    key('?', 'help')
    return line.to(columns - ageColumns).toString()
  }

  private ageText(nowMs: number): string {
    if (this.latest === undefined) return ''
    const age = ((nowMs - this.latest.receivedMs) / 1000).toFixed(1)
    return this.options.colours.dim(fit(`answer ${age} s old`, ageColumns, 'right'))
  }

  private drawBody({ rows, columns }: TerminalSize): string[] {
    const { colours, withBlocks } = this.options
    const look: Look = { columns, colours, withBlocks, withCurves: true }
    const lines = [this.banner(look)]
    const bodyRows = Math.max(0, rows - 2)
    if (this.isHelp) lines.push(...helpLines(look))
    else if (this.shown !== undefined) this.addView(lines, this.shown, bodyRows, look)
    while (lines.length < bodyRows) lines.push('')
    return lines.slice(0, bodyRows)
  }

  private banner({ columns, colours }: Look): string {
    const line = new Line(columns)
    if (this.trouble !== undefined) line.add(this.trouble, colours.red)
    else if (this.isPaused) line.add('paused: p goes on', colours.yellow)
    else if (this.shown === undefined) line.add('waiting for the first answer ...', colours.dim)
    return line.toString()
  }

  private addView(lines: string[], { broker, topics }: TopView, bodyRows: number, look: Look): void {
    lines.push(...brokerLines(broker, look), '')
    lines.push(...shardLines(broker.shards, Math.max(2, Math.floor(bodyRows * shardShare)), look), '')
    lines.push(topicHead(this.sort, look))
    const left = Math.max(0, bodyRows - lines.length)
    lines.push(...this.topicRows(topics, broker.status.topics, left, look))
  }

  private topicRows(topics: TopView['topics'], topicCount: number, left: number, look: Look): string[] {
    if (topics.length === 0) {
      return [new Line(look.columns).add(topicCount > 0 ? 'asking ...' : 'none yet', look.colours.dim).toString()]
    }
    const sorted = sortTopics(topics, this.sort, this.isReversed)
    const isCut = sorted.length > left
    this.pageRows = Math.max(1, left - (isCut ? 1 : 0))
    this.firstTopic = Math.max(0, Math.min(this.firstTopic, sorted.length - this.pageRows))
    const end = this.firstTopic + this.pageRows
    const rows = sorted.slice(this.firstTopic, end).map((topic) => topicLine(topic, look))
    if (!isCut) return rows
    const range = `topics ${this.firstTopic + 1} to ${Math.min(end, sorted.length)} of ${countText(sorted.length)}`
    return [...rows, new Line(look.columns).add(range, look.colours.dim).toString()]
  }
}

/** One table with everything, for `--once` and where there is no terminal. */
export function wholeTable({ broker, topics }: TopView, server: string, given: Omit<Look, 'withCurves'>): string[] {
  const look: Look = { ...given, columns: Math.max(given.columns, columnsFor(topics)), withCurves: false }
  const { version, brokerId, frontEnd, node, uptimeMs } = broker.status
  const first = new Line(look.columns)
    .add(`StreamBus ${version}`, look.colours.bold)
    .add(` at ${printable(server)}`)
    .add(`  broker ${brokerId}, ${frontEnd}, Node.js ${node}`, look.colours.dim)
    .end(`up ${uptimeText(uptimeMs)}`)
  const lines = [first.toString(), '', ...brokerLines(broker, look), '']
  lines.push(...shardLines(broker.shards, broker.shards.length, look), '', topicHead('records/s', look))
  const rows = sortTopics(topics, 'records/s', false).map((topic) => topicLine(topic, look))
  return [...lines, ...(rows.length === 0 ? ['none yet'] : rows)].map((line) => line.trimEnd())
}
