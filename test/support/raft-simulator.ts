/**
 * Several metadata nodes in one thread: raft, logs on disks that lose what a power cut loses, a seeded network.
 * Runs on: the test process, everything inline. The same seed and the same calls give the same trace.
 */
import { createHash, type Hash } from 'node:crypto'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { MetadataCommand } from '../../native-free-core/metadata/metadata-command.js'
import { MetadataNode } from '../../native-free-core/metadata/metadata-node.js'
import type { CommandResult } from '../../native-free-core/metadata/metadata-state.js'
import type { RaftInstance } from '../../native-free-core/metadata/raft/raft-instance.js'
import { MessageType, type RaftMessage } from '../../native-free-core/metadata/raft/raft-types.js'
import { MetadataLog } from '../../workers/metadata/metadata-log.js'
import { MemoryDisk, PowerCut } from './memory-disk.js'
import { newRaftInstance } from './raft-module.js'
import { Random } from './random.js'

const folder = '/data/metadata'
const journalBytes = 1 << 18

interface Flight {
  readonly from: number
  readonly to: number
  readonly message: RaftMessage
}

export interface Answer {
  readonly broker: number
  readonly token: number
  readonly result: CommandResult
}

interface Running {
  readonly node: MetadataNode
  readonly log: MetadataLog
}

export class RaftSimulator {
  readonly random: Random
  readonly brokers: readonly number[]
  readonly disks = new Map<number, MemoryDisk>()
  readonly answers: Answer[] = []
  /** Snapshots that a follower took from a leader. */
  installedSnapshots = 0
  /** Share of messages that are lost. */
  lossShare = 0
  /** Share of disk calls in which the power goes off. */
  powerCutShare = 0
  /** Power cuts that met a call, so far. */
  powerCuts = 0
  /** Brokers of one group hear each other only. */
  private groupOf = new Map<number, number>()
  private readonly running = new Map<number, Running>()
  private readonly instances = new Map<number, RaftInstance>()
  private flights: Flight[] = []
  private nextToken = 1
  private runs = 0
  private readonly trace: Hash = createHash('sha256')

  constructor(
    seed: number,
    brokers: readonly number[],
    options: { runtimeSeed?: number; durableWritesAreNot?: boolean } = {},
  ) {
    this.random = new Random(seed)
    this.brokers = brokers
    for (const broker of brokers) {
      const random = new Random(seed * 31 + broker)
      const fault = (): 'power cut' | undefined => (random.chance(this.powerCutShare) ? 'power cut' : undefined)
      const durableWritesAreNot = options.durableWritesAreNot === true
      const disk = new MemoryDisk({ random, fault, durableWritesAreNot })
      // Main has made the data folder before it starts the worker.
      disk.makeFolder('/data')
      disk.syncFolder('/')
      this.disks.set(broker, disk)
      const runtimeSeed = options.runtimeSeed ?? 1
      this.instances.set(broker, newRaftInstance(seed * 77 + broker, { runtimeSeed }))
      this.start(broker)
    }
  }

  isUp(broker: number): boolean {
    return this.running.has(broker)
  }

  node(broker: number): MetadataNode {
    const running = this.running.get(broker)
    if (running === undefined) throw new Error(`broker ${broker} is down`)
    return running.node
  }

  get upBrokers(): number[] {
    return this.brokers.filter((broker) => this.isUp(broker))
  }

  /** The leader with the highest term among those that are up. */
  get leader(): number | undefined {
    const leaders = this.upBrokers.filter((broker) => this.node(broker).isLeader)
    return leaders.sort((a, b) => this.node(b).status().term - this.node(a).status().term)[0]
  }

  /** The broker stays down when the power goes off meanwhile. */
  start(broker: number): void {
    this.guarded(broker, () => this.open(broker))
  }

  private open(broker: number): void {
    const disk = this.disks.get(broker)!
    const runId = (++this.runs).toString(16).padStart(16, 'f')
    const { log, restored } = MetadataLog.open({
      disk,
      folder,
      clusterId: 'c'.repeat(32),
      brokerId: broker,
      crc: crc32cOf,
      runId,
      mustExist: false,
      voters: this.brokers,
      capacityBytes: journalBytes,
    })
    const instance = this.instances.get(broker)!
    const node = new MetadataNode({ instance, brokerId: broker, runId, restored })
    this.running.set(broker, { node, log })
    this.pump(broker)
  }

  private guarded(broker: number, act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      this.powerCuts++
      this.crash(broker)
    }
  }

  /** The power goes off: what was not synced is lost in part, messages under way to it are lost. */
  crash(broker: number): void {
    this.running.delete(broker)
    for (const { from, to, message } of this.flights) {
      // A transport that loses a snapshot must say so, or the leader waits for ever.
      const isSnapshot = message.type === MessageType.snapshot && to === broker
      if (isSnapshot && this.isUp(from)) this.node(from).reportSnapshot(to, false)
    }
    this.flights = this.flights.filter((flight) => flight.to !== broker)
    const disk = this.disks.get(broker)!
    disk.cutPower()
    disk.restart()
  }

  partition(groups: readonly (readonly number[])[]): void {
    this.groupOf = new Map(groups.flatMap((group, index) => group.map((broker) => [broker, index] as const)))
  }

  heal(): void {
    this.groupOf.clear()
  }

  /** Returns the token that the answer will carry. */
  propose(broker: number, command: MetadataCommand): number {
    const token = this.nextToken++
    this.node(broker).propose(token, command)
    this.pump(broker)
    return token
  }

  tick(broker: number): void {
    this.node(broker).tick()
    this.pump(broker)
  }

  /** Each broker's time moves on by one, and all messages arrive, those that they cause too. */
  step(): void {
    for (const broker of this.upBrokers) this.tick(broker)
    this.deliverAll()
  }

  /** Steps until `isReached`, at most `most` times. */
  stepUntil(isReached: () => boolean, most = 200): boolean {
    for (let count = 0; count < most; count++) {
      if (isReached()) return true
      this.step()
    }
    return isReached()
  }

  deliverAll(): void {
    while (this.flights.length > 0) this.deliverOne()
  }

  /** One message under way, any of them, arrives or is lost. */
  deliverOne(): void {
    if (this.flights.length === 0) return
    const [flight] = this.flights.splice(this.random.below(this.flights.length), 1)
    const { from, to, message } = flight!
    const isLost = !this.isUp(to) || this.areApart(from, to) || this.random.chance(this.lossShare)
    if (message.type === MessageType.snapshot && this.isUp(from)) this.node(from).reportSnapshot(to, !isLost)
    if (isLost) return
    this.node(to).step([message.bytes])
    this.pump(to)
  }

  snapshot(broker: number): void {
    this.guarded(broker, () => this.takeSnapshot(broker))
  }

  private takeSnapshot(broker: number): void {
    const { node, log } = this.running.get(broker)!
    if (node.entriesSinceSnapshot === 0) return
    log.saveSnapshot(node.makeSnapshot())
    node.compact(0)
  }

  /** Of everything that every node did. */
  get traceHash(): string {
    return this.trace.copy().digest('hex')
  }

  private areApart(from: number, to: number): boolean {
    return this.groupOf.size > 0 && this.groupOf.get(from) !== this.groupOf.get(to)
  }

  private pump(broker: number): void {
    this.guarded(broker, () => this.pumpAll(broker))
  }

  private pumpAll(broker: number): void {
    const { node, log } = this.running.get(broker)!
    for (let work = node.takeWork(); work !== undefined; work = node.takeWork()) {
      this.trace.update(JSON.stringify([broker, work.entries.length, work.hardState]))
      if (work.snapshot !== undefined) this.installedSnapshots++
      log.persist(work)
      this.send(broker, work.messages)
      this.send(broker, node.finish())
      if (log.isSnapshotDue && node.entriesSinceSnapshot > 0) this.takeSnapshot(broker)
      else if (log.isCrowded) log.moveUp()
    }
    for (const { token, result } of node.takeResults()) this.answers.push({ broker, token, result })
  }

  private send(from: number, messages: readonly RaftMessage[]): void {
    for (const message of messages) {
      this.trace.update(message.bytes)
      this.flights.push({ from, to: message.to - 1, message })
    }
  }
}
