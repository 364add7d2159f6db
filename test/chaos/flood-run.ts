/**
 * A producer that offers ten times what a broker can take, without waiting for answers, beside well-formed clients.
 * Runs on: the process of a long run. Touches: a broker process, connections to it, a temporary folder.
 *
 * The broker's disk is slowed down, so that one machine can offer that much. Its capacity is measured first: by the
 * same connections, each waiting for its answers. What must hold: what the broker can't take it refuses at once
 * (THROTTLING_QUOTA_EXCEEDED), it takes at least half of its capacity meanwhile, memory stays within its bound, and the
 * well-formed clients' P99 within `othersLimitMs`. Each of them sends a record every `othersEveryMs`, whether answers
 * came or not; many send little, because each connection is served in turn, and a turn takes a batch of each flooder.
 */
import { setTimeout as pass } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { brokerConfigOf } from '../../native-free-core/config/broker-config.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { Api, readErrorBody } from '../../native-free-core/protocol/codecs.generated.js'
import { MessageFlag, readFrame } from '../../native-free-core/protocol/frame.js'
import { connect } from '../../src/client/index.js'
import { framed } from '../fuzz/messages.js'
import { encodeFrame, RawWebSocket } from '../fuzz/raw-web-socket.js'
import { type Latencies, latenciesOf, Ledger } from '../support/ledger.js'
import { processFacts } from '../support/process-facts.js'
import { BrokerProcess } from './broker-process.js'
import { inFolder } from './in-folder.js'
import { mostResidentBytes } from './memory-bound.js'

export interface FloodOptions {
  readonly seconds: number
  readonly frontEnd: 'auto' | 'uws' | 'ws'
  readonly say?: (line: string) => void
}

const MiB = 2 ** 20
const diskModule = fileURLToPath(new URL('../support/slow-disk.js', import.meta.url))
const diskBytesPerSecond = 2 * MiB
const connections = 4
const recordsPerBatch = 600
/** Of one connection while the capacity is measured. */
const unanswered = 4
const warmUpMs = 500
const aloneMs = 1000
const capacityMs = 2000
const times = 10
/** What is written, of what is wanted: a late timer must not make it less than `times`. */
const margin = 1.2
const tickMs = 10
const fillLimitMs = 60_000
/** A full ring and two commits of a megabyte take half as long. */
const othersLimitMs = 3000
const others = 20
/** Some turns. */
const othersEveryMs = 400
/** A P99 of fewer would be the longest of a few. */
const leastSamples = 50
const throttled = errorTable.THROTTLING_QUOTA_EXCEEDED.code
const hello = framed(Api.Hello, 0, 1, Buffer.from('\x00\x01\x00\x05flood', 'latin1'))

/** Throws with what did not hold. */
export function runFlood(options: FloodOptions): Promise<void> {
  return inFolder('flood', (dataFolder) => new FloodRun(options, dataFolder))
}

/** A connection that produces the same batch again and again. */
class Flooder {
  accepted = 0
  throttled = 0
  other = 0
  onAnswer: () => void = () => undefined
  readonly ws: RawWebSocket
  private readonly frame: Uint8Array

  constructor(port: number, partitionId: number, batch: Uint8Array) {
    const head = Buffer.alloc(10)
    head.writeUInt32BE(partitionId, 0)
    head.writeInt16BE(-1, 4)
    head.writeUInt32BE(batch.length, 6)
    this.frame = encodeFrame({ opcode: 2, payload: framed(Api.Produce, 0, 7, Buffer.concat([head, batch])) })
    this.ws = new RawWebSocket(port, 'streambus.v1')
    this.ws.onMessage = (payload) => this.take(payload)
  }

  async open(): Promise<this> {
    await this.ws.answered
    this.ws.send(hello, false)
    return this
  }

  private take(payload: Buffer): void {
    readFrame(payload, ({ api, flags }, body) => {
      if (api !== Api.Produce) return
      if ((flags & MessageFlag.error) === 0) this.accepted++
      else if (readErrorBody(body).code === throttled) this.throttled++
      else this.other++
      this.onAnswer()
    })
  }

  send(count: number): void {
    for (; count > 0; count--) this.ws.write(this.frame)
  }

  get answered(): number {
    return this.accepted + this.throttled + this.other
  }
}

class FloodRun {
  private readonly options: FloodOptions
  private readonly broker: BrokerProcess
  private readonly config
  private readonly flooders: Flooder[] = []
  private readonly ledgers: Ledger[] = []

  constructor(options: FloodOptions, dataFolder: string) {
    this.options = options
    const given = {
      dataFolder,
      port: 0,
      shards: 1,
      frontEnd: options.frontEnd,
      requestRingBytes: MiB,
      journalMemoryBytes: 16 * MiB,
      volatileMemoryBytes: 2 * MiB,
    }
    this.config = brokerConfigOf(given)
    this.broker = new BrokerProcess(
      { ...given, diskModule },
      { STREAMBUS_TEST_BYTES_PER_SECOND: String(diskBytesPerSecond) },
    )
  }

  async run(): Promise<void> {
    await this.broker.ready
    const { server, port } = this.broker
    const client = await connect({ server })
    const admin = client.admin()
    await admin.createTopic({
      name: 'flood',
      partitions: connections,
      configs: { 'retention.bytes': String(64 * MiB) },
    })
    const { partitions } = await admin.describeTopic('flood')
    await client.close()
    const batch = batchOf(recordsPerBatch)
    for (const { partitionId } of partitions) {
      this.flooders.push(await new Flooder(port, partitionId, batch).open())
    }
    const capacity = await this.capacity()
    for (let count = 0; count < others; count++) {
      this.ledgers.push(await Ledger.open({ server, topic: `kept-${count}`, pauseMs: othersEveryMs, isOpenLoop: true }))
    }
    const aloneFromMs = performance.now()
    await pass(aloneMs)
    const alone = latenciesOf(this.ledgers, aloneFromMs)
    const flooded = await this.flood(capacity)
    this.judge(capacity, flooded)
    const seen = await this.judgeOthers(flooded.fromMs, alone)
    for (const { ws } of this.flooders) ws.destroy()
    let kept = 0
    for (const ledger of this.ledgers) kept += await ledger.verify(server)
    await this.broker.stopCleanly()
    const { offered, accepted, seconds, mostBytes } = flooded
    this.options.say?.(
      `flood: ${Math.round(capacity)} batches/s are its capacity, ${Math.round(offered / seconds)} were offered and ` +
        `answered (${(offered / seconds / capacity).toFixed(1)} times), ${Math.round(accepted / seconds)} accepted; ` +
        `at most ${Math.round(mostBytes / MiB)} MiB; ${seen}; ${kept} records kept`,
    )
  }

  async end(): Promise<void> {
    for (const { ws } of this.flooders) ws.destroy()
    // What they say after a failure must not hide it; when there was none, `run` has stopped them, and looked.
    await Promise.all(this.ledgers.map((ledger) => ledger.stop().catch(() => undefined)))
    await this.broker.kill()
  }

  private sum(of: (flooder: Flooder) => number): number {
    return this.flooders.reduce((total, flooder) => total + of(flooder), 0)
  }

  /** Batches a second that it takes from connections which wait for their answers. */
  private async capacity(): Promise<number> {
    let isOn = true
    for (const flooder of this.flooders) {
      flooder.onAnswer = () => flooder.send(isOn ? 1 : 0)
      flooder.send(unanswered)
    }
    await pass(warmUpMs)
    const before = this.sum(({ accepted }) => accepted)
    const startedMs = performance.now()
    await pass(capacityMs)
    const perSecond = ((this.sum(({ accepted }) => accepted) - before) * 1000) / (performance.now() - startedMs)
    isOn = false
    const answered = (): number => this.sum((flooder) => flooder.answered)
    for (let last = -1; last !== answered(); await pass(300)) last = answered()
    for (const flooder of this.flooders) flooder.onAnswer = () => undefined
    return perSecond
  }

  /** Counts from the moment on when the first batch is refused: before, the broker's queues fill. */
  private async flood(capacity: number): Promise<Flooded> {
    const wanted = capacity * times * margin
    const startedMs = performance.now()
    const fillEndMs = startedMs + fillLimitMs
    let sent = 0
    let mostBytes = 0
    const sendWhatIsDue = async (): Promise<void> => {
      await pass(tickMs)
      const due = ((performance.now() - startedMs) / 1000) * wanted
      const each = Math.max(0, Math.ceil((due - sent) / connections))
      for (const flooder of this.flooders) flooder.send(each)
      sent += each * connections
      mostBytes = Math.max(mostBytes, processFacts(this.broker.pid).residentBytes)
    }
    while (this.sum((flooder) => flooder.throttled) === 0) {
      if (performance.now() > fillEndMs) throw new Error(`flood: nothing was refused in ${fillLimitMs} ms`)
      await sendWhatIsDue()
    }
    const before = { answered: this.sum(({ answered }) => answered), accepted: this.sum(({ accepted }) => accepted) }
    const fromMs = performance.now()
    while (performance.now() < fromMs + this.options.seconds * 1000) await sendWhatIsDue()
    const seconds = (performance.now() - fromMs) / 1000
    const offered = this.sum(({ answered }) => answered) - before.answered
    const accepted = this.sum((flooder) => flooder.accepted) - before.accepted
    return { fromMs, seconds, offered, accepted, mostBytes }
  }

  private judge(capacity: number, { seconds, offered, accepted, mostBytes }: Flooded): void {
    if (this.broker.hasEnded) throw new Error(`the broker has ended: ${this.broker.complaint.slice(-2000)}`)
    const other = this.sum((flooder) => flooder.other)
    if (other > 0) throw new Error(`flood: ${other} answers were neither good nor "slow down"`)
    const rate = offered / seconds
    if (rate < times * capacity) {
      throw new Error(
        `flood: ${Math.round(rate)} batches/s were taken in, ${times} times ${Math.round(capacity)} wanted`,
      )
    }
    if (accepted / seconds < capacity / 2) {
      throw new Error(`flood: ${Math.round(accepted / seconds)} batches/s were accepted of ${Math.round(capacity)}`)
    }
    const bound = mostResidentBytes(this.config, connections + others + 1)
    if (mostBytes > bound) throw new Error(`flood: ${mostBytes} bytes of memory; the bound is ${bound}`)
  }

  /** Of all records that were due during the flood, also of those that are answered after it. */
  private async judgeOthers(fromMs: number, alone: Latencies): Promise<string> {
    await Promise.all(this.ledgers.map((ledger) => ledger.stop())).catch((error: Error) => {
      throw new Error(`flood: a well-formed client failed: ${error.message}`, { cause: error })
    })
    const { count, p50, p99, max } = latenciesOf(this.ledgers, fromMs)
    const during = `P50 ${p50.toFixed(0)} ms, P99 ${p99.toFixed(0)}, longest ${max.toFixed(0)} of ${count} records`
    const seen = `others: ${during}; alone P99 ${alone.p99.toFixed(0)}`
    if (count < leastSamples) throw new Error(`flood: ${seen}; expected ${leastSamples}: ask for more --flood-seconds`)
    if (p99 > othersLimitMs) throw new Error(`flood: ${seen}; at most ${othersLimitMs}`)
    return seen
  }
}

interface Flooded {
  /** When the first batch was refused. */
  readonly fromMs: number
  readonly seconds: number
  /** Batches that were read and answered, however. */
  readonly offered: number
  readonly accepted: number
  readonly mostBytes: number
}

function batchOf(records: number): Uint8Array {
  const builder = new RecordBatchBuilder()
  for (let count = 0; count < records; count++) builder.append(null, Buffer.alloc(100, 1), Date.now())
  return builder.finish().slice()
}
