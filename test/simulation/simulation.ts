/**
 * One seed: a broker, its clients and its disk from an empty folder to the last judgement, in one thread, with owned
 * time. See README.md of this folder for what it checks, and what it can't.
 * Runs on: the process that simulates. Touches: memory only.
 *
 *   start -> steps with faults (crash and recover, stop and start, cut, ...) -> faults end -> everything is answered
 *   -> judged -> crash -> recover -> judged again
 */
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { type Fault, MemoryDisk, type MemoryDiskOptions, type Operation } from '../support/memory-disk.js'
import { Random } from '../support/random.js'
import { AdminClient } from './admin-client.js'
import { ConsumerClient } from './consumer-client.js'
import { breathe, enter, leave, recycle } from './globals.js'
import { JudgeClient } from './judge-client.js'
import { Network } from './network.js'
import { type FaultKind, type Hints, type Plan, planOf } from './plan.js'
import { ProducerClient } from './producer-client.js'
import { Registry, Violation } from './registry.js'
import type { ClientOptions, SimClient } from './sim-client.js'
import { BrokerLife, DurableMetadata } from './sim-broker.js'
import { Trace } from './trace.js'
import { World } from './world.js'

export interface SimulationOptions {
  readonly seed: number
  /** Kinds of fault that are left out. */
  readonly without?: ReadonlySet<FaultKind>
  /** Events that are kept for the timeline; 0: the hash alone. */
  readonly keptEvents?: number
  /** What the plan is narrowed to. */
  readonly hints?: Hints | undefined
  /** A canary in the disk. */
  readonly disk?: Partial<MemoryDiskOptions>
}

export interface SimulationResult {
  readonly seed: number
  readonly hash: string
  readonly steps: number
  readonly events: number
  readonly crashes: number
  readonly batches: number
  readonly simulatedMs: number
}

const clusterId = 'c1'.repeat(16)
/** Steps until everything must be answered once faults are over. */
const mostQuietSteps = 60_000
const hourMs = 3_600_000
const nextTick = (run: () => void): void => process.nextTick(run)

export class Simulation {
  readonly trace: Trace
  readonly plan: Plan
  readonly world: World
  readonly registry = new Registry()
  private readonly options: SimulationOptions
  /** Of each concern, so that leaving one out disturbs the others little. */
  private readonly faultRandom: Random
  private readonly diskRandom: Random
  private readonly network: Network
  private readonly disk: MemoryDisk
  private readonly metadata = new DurableMetadata(MetadataImage.empty(clusterId))
  private readonly clients: SimClient[] = []
  private life: BrokerLife | undefined
  private lifeCount = 0
  private crashCount = 0
  /** Disk calls until the process, or the machine, ends in one. */
  private callsLeft = Number.POSITIVE_INFINITY
  private fate: 'power cut' | 'kill' = 'kill'
  private errorChance = 0
  private isQuiet = false
  private restartAtMs = 0
  private fatal: Error | undefined
  private readonly memories: SharedArrayBuffer[] = []
  private clockWasSet = false

  constructor(options: SimulationOptions) {
    this.options = options
    const { seed, without = new Set(), keptEvents = 400 } = options
    const seeds = new Random(seed)
    const next = (): Random => new Random(seeds.word())
    this.plan = planOf(next(), without, options.hints)
    this.trace = new Trace(keptEvents)
    this.world = new World(next(), next(), this.trace)
    this.faultRandom = next()
    this.diskRandom = next()
    this.network = new Network(this.world, next())
    this.disk = new MemoryDisk({
      random: this.diskRandom,
      fault: (operation, path) => this.fault(operation, path),
      shortWriteChance: this.plan.faults.has('short writes') ? 0.2 : 0,
      ...options.disk,
    })
    // As the data folder is opened before anything else.
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    for (const path of ['/data', '/']) this.disk.syncFolder(path)
    this.addClients(next)
    this.setLaziness()
  }

  private has(kind: FaultKind): boolean {
    return this.plan.faults.has(kind)
  }

  private addClients(next: () => Random): void {
    const { world, network, registry, plan } = this
    const options = (name: string): ClientOptions => ({ world, network, random: next(), registry, name })
    const churn = this.has('churn') ? 15 : 0
    const topics = {
      names: ['a', 'b', 'c'],
      mostPartitions: plan.mostPartitions,
      configs: () => this.topicConfigs(),
      churn,
      deletesRecords: this.has('deletions'),
    }
    this.clients.push(new AdminClient(options('admin'), topics))
    for (let index = 0; index < plan.producers; index++) {
      this.clients.push(new ProducerClient(options(`producer ${index}`), index, plan.batchesPerProducer))
    }
    for (let index = 0; index < plan.consumers; index++) {
      const mode = index % 2 === 0 ? 'subscribe' : 'fetch'
      this.clients.push(new ConsumerClient(options(`consumer ${index}`), mode))
    }
  }

  private topicConfigs(): Record<string, string> {
    const { faultRandom: random, plan } = this
    const configs: Record<string, string> = { 'message.timestamp.after.max.ms': String(1000 * 24 * hourMs) }
    if (plan.hasVolatileTopics && random.chance(0.5)) {
      configs['flush'] = random.pick(['os', 'interval'])
      configs['flush.ms'] = '50'
    }
    if (random.chance(0.6)) {
      configs['segment.ms'] = String(random.pick([10, 40, 200]))
      configs['index.interval.bytes'] = '512'
    }
    configs['segment.bytes'] = '65536'
    if (!this.has('retention')) return configs
    if (random.chance(0.5)) configs['retention.bytes'] = String(random.between(1000, 20_000))
    else configs['retention.ms'] = String(random.pick([500, hourMs]))
    return configs
  }

  private setLaziness(): void {
    const { faultRandom: random, world } = this
    if (this.has('slow')) world.mostHeldMs = random.pick([5, 50, 300])
    for (const name of ['sync', 'read', 'shard 0', 'shard 1']) {
      if (random.chance(0.2)) world.lazy.set(name, random.pick([8, 14, 15]))
    }
  }

  // ---- the disk

  /** What the disk does with a call; while it is at it, others may go on. */
  private fault(operation: Operation, path: string): Fault {
    const isWaited = operation === 'durable write' || operation === 'sync' || operation === 'sync folder'
    if (isWaited && this.diskRandom.chance(this.plan.waitChance)) this.wait(this.plan.waitSteps)
    if (this.callsLeft !== Number.POSITIVE_INFINITY && this.counts(operation, path) && --this.callsLeft <= 0) {
      // Whatever may be known too early has time to become known.
      if (isWaited && this.diskRandom.chance(0.7)) this.wait(150)
      if (!this.disk.powerIsOff) return this.told(this.fate, operation, path)
    }
    if (this.disk.powerIsOff) return undefined
    if (this.errorChance === 0) return undefined
    const kind = this.errorFor(operation)
    if (kind === undefined || !this.diskRandom.chance(this.errorChance)) return undefined
    this.registry.excuses.hadDiskErrors = true
    return this.told(kind, operation, path)
  }

  private counts(operation: Operation, path: string): boolean {
    if (!this.plan.crashesInCommits) return true
    return operation === 'durable write' && path.endsWith('.journal') && this.life?.broker !== undefined
  }

  private wait(mostSteps: number): void {
    this.world.letOthersRun(this.diskRandom.below(mostSteps), () => this.disk.powerIsOff)
  }

  private errorFor(operation: Operation): 'EIO' | 'ENOSPC' | undefined {
    if (!this.plan.failing.includes(operation)) return undefined
    const isWrite = operation === 'write' || operation === 'durable write'
    return isWrite && this.diskRandom.chance(0.5) ? 'ENOSPC' : 'EIO'
  }

  private told(fault: Fault, operation: Operation, path: string): Fault {
    this.world.say(this.world.currentName, `${operation} of ${path}: ${fault}`)
    return fault
  }

  // ---- lives

  private startLife(): void {
    const { plan, world, network, disk, metadata, registry, faultRandom: random } = this
    const shards = random.pick(plan.shardCounts)
    const config: Partial<BrokerConfig> = {
      shards,
      pinShards: false,
      journalMemoryBytes: plan.journalBytesPerShard * shards,
      volatileMemoryBytes: plan.journalBytesPerShard * shards,
      requestRingBytes: 64 * 1024,
      replyRingBytes: 64 * 1024,
      settleStartPercent: plan.settleStartPercent,
      settleBytesInFlight: plan.settleBytesInFlight,
      retentionCheckIntervalMs: plan.retentionCheckIntervalMs,
      diskReserveBytes: 1 << 20,
      maxFetchWaitMs: 1000,
    }
    this.fatal = undefined
    registry.excuses = { hadDiskErrors: false, isStopping: false, hadLittleRoom: this.disk.free < 1 << 21 }
    const name = `broker ${++this.lifeCount}`
    world.say(name, `starts with ${shards} shards`)
    const onFatal = (error: Error): void => {
      world.say(name, `gives up: ${error.message}`)
      this.fatal = error
    }
    registry.clock.start(world.wallOffsetMs, world.nowMs)
    this.life = new BrokerLife({ world, network, disk, metadata, config, name, onFatal })
    this.life.process.timersFirst = plan.networkFirst
    this.armCrash(random.pick([40, 400, 2000]))
    this.errorChance = !this.isQuiet && this.has('errors') && random.chance(0.7) ? plan.errorChance : 0
  }

  private armCrash(most: number): void {
    const { faultRandom: random } = this
    this.callsLeft = Number.POSITIVE_INFINITY
    if (this.isQuiet || !this.has('crashes') || this.crashCount >= 4 || random.chance(0.2)) return
    this.fate = this.has('power') && random.chance(0.7) ? 'power cut' : 'kill'
    this.callsLeft = random.between(1, this.plan.crashesInCommits ? Math.ceil(most / 20) : most)
  }

  private kill({ process }: BrokerLife): void {
    const { world } = this
    world.kill(process)
    world.current = process
    // What its promises still do is done in its name.
    world.hasPromises = true
    this.memories.push(...process.memories)
  }

  /** The process is gone, by whatever way; the machine too if the power was cut. */
  private crash(fate: 'power cut' | 'kill'): void {
    const { world, disk, life } = this
    this.crashCount++
    world.say('world', fate)
    if (!disk.powerIsOff) disk.cutPower()
    if (life !== undefined) this.kill(life)
    this.network.dropAll()
    this.life = undefined
    this.callsLeft = Number.POSITIVE_INFINITY
    if (fate === 'power cut') disk.restart()
    else disk.restartProcess()
    this.restartAtMs = world.nowMs + this.faultRandom.below(30)
    if (this.clockWasSet) this.allowOld()
  }

  /** The next broker believes the clock that it finds: what this one may have taken by its own is known till here. */
  private allowOld(): void {
    for (const partition of this.registry.partitions.values()) partition.allowOld(this.world.nowMs)
  }

  /** After each step: has the broker ended, or is there none? */
  private tendLife(): void {
    const { life, world, disk } = this
    if (disk.powerIsOff) return this.crash(this.fate)
    if (life === undefined) {
      if (world.nowMs >= this.restartAtMs) this.startLife()
      return
    }
    const error = this.fatal ?? life.startError
    if (error !== undefined) {
      if (!this.registry.excuses.hadDiskErrors)
        throw new Violation(
          `the broker gave up: ${error.stack ?? error.message} ${(error.cause as Error | undefined)?.stack ?? ''}`,
        )
      return this.endAfterErrors()
    }
    if (life.hasStopped) return this.endLife()
    if (life.offline.length > 0 && !this.registry.excuses.hadDiskErrors) {
      throw new Violation(`a shard takes no writes any more: ${life.offline[0]}`)
    }
    // An operator comes, now or later.
    if (life.offline.length > 0 && (this.isQuiet || this.faultRandom.below(200) === 0)) this.endAfterErrors()
  }

  private endAfterErrors(): void {
    this.crash(this.has('power') && this.faultRandom.chance(0.3) ? 'power cut' : 'kill')
  }

  /** It stopped cleanly. */
  private endLife(): void {
    const { life, world } = this
    world.say(life!.process.name, 'has stopped')
    this.kill(life!)
    this.network.dropAll()
    this.disk.restartProcess()
    this.life = undefined
    this.callsLeft = Number.POSITIVE_INFINITY
    this.restartAtMs = world.nowMs + 1
    if (this.clockWasSet) this.allowOld()
  }

  // ---- faults that come now and then

  private trouble(): void {
    const { faultRandom: random, life, registry } = this
    const dice = random.below(1000)
    if (dice < 6) {
      if (this.has('cuts')) random.pick(this.clients).cut()
    } else if (dice < 8) {
      if (this.has('stops') && life?.broker !== undefined && !registry.excuses.isStopping) {
        registry.excuses.isStopping = true
        life.stop()
      }
    } else if (dice < 10) {
      if (this.has('clock')) this.setClock()
    } else if (dice < 12) {
      if (this.has('room')) this.setRoom()
    } else if (dice === 12 && this.has('crashes') && life !== undefined && this.crashCount < 4) {
      this.crash(this.has('power') && random.chance(0.7) ? 'power cut' : 'kill')
    }
  }

  private setClock(): void {
    const byMs = this.faultRandom.pick([-48 * hourMs, -2 * hourMs, -5000, 5000, 2 * hourMs, 48 * hourMs])
    this.world.wallOffsetMs += byMs
    this.clockWasSet = true
    const { wallOffsetMs, nowMs } = this.world
    this.registry.clock.set(wallOffsetMs, nowMs, this.life?.broker === undefined)
    this.world.say('world', `the clock is set by ${byMs} ms`)
  }

  private setRoom(): void {
    this.disk.free = this.faultRandom.pick([0, 1 << 19, 1 << 21, 2 ** 40])
    if (this.disk.free < 1 << 21) this.registry.excuses.hadLittleRoom = true
    this.world.say('world', `${this.disk.free} bytes are free on the disk`)
  }

  // ---- the course

  /** Rejects with what is wrong. */
  async run(): Promise<SimulationResult> {
    await breathe()
    enter(this.world)
    try {
      await this.live()
      await this.settleDown()
      await this.judge('judge 1')
      this.crash(this.has('power') ? 'power cut' : 'kill')
      await this.judge('judge 2')
    } finally {
      // Promises of the last broker end in its name: outside they would reach the real timers.
      if (this.life !== undefined) this.kill(this.life)
      await this.finishPromises()
      leave()
      await breathe()
      recycle(this.memories)
    }
    const { seed } = this.options
    let batches = 0
    for (const { model } of this.registry.partitions.values()) batches += model.sent.length
    return {
      seed,
      hash: this.trace.hash,
      steps: this.world.stepCount,
      events: this.trace.count,
      crashes: this.crashCount,
      batches,
      simulatedMs: this.world.nowMs,
    }
  }

  private live(): Promise<void> {
    const { world, plan } = this
    return this.go(
      () => world.stepCount >= plan.steps,
      () => this.trouble(),
    )
  }

  /** Steps until `isOver`. Awaits nothing where there is nothing to await: most steps leave no promise. */
  private async go(isOver: () => boolean, afterwards: () => void): Promise<void> {
    const { world } = this
    while (!isOver()) {
      // Of a broker that was killed.
      if (world.hasPromises) await this.finishPromises()
      const what = world.step()
      if (world.hasPromises) await this.finishPromises()
      this.afterStep(what)
      afterwards()
    }
  }

  /** `what`: of the world's step, after the promises that it left. */
  private afterStep(what: ReturnType<World['step']>): void {
    if (what === 'idle') return this.goOn()
    this.world.throwNested()
    this.tendLife()
  }

  /** All that a step of the broker leaves behind belongs to the step: ticks come when no microtask is left. */
  private finishPromises(): Promise<void> {
    this.world.hasPromises = false
    return new Promise(nextTick)
  }

  /** Nobody can run: time goes on. */
  private goOn(): void {
    const { world } = this
    if (world.hasReady) return
    if (this.life === undefined) world.nowMs = Math.max(world.nowMs, this.restartAtMs)
    else if (!world.jump()) throw new Violation('nobody can run any more')
    this.tendLife()
  }

  private get unfinished(): string | undefined {
    const { life } = this
    if (life?.broker === undefined || life.offline.length > 0 || this.registry.excuses.isStopping) {
      return 'the broker is not ready'
    }
    for (const client of this.clients) {
      const { unfinished } = client
      if (unfinished !== undefined) return unfinished
    }
    return undefined
  }

  /** Faults are over: everything has to be answered within bounded steps. */
  private async settleDown(): Promise<void> {
    const { world } = this
    world.say('world', 'no more faults')
    this.isQuiet = true
    this.callsLeft = Number.POSITIVE_INFINITY
    this.errorChance = 0
    this.disk.free = 2 ** 40
    world.lazy.clear()
    world.mostHeldMs = 0
    for (const client of this.clients) client.finish()
    await this.until(() => this.unfinished)
  }

  private until(unfinished: () => string | undefined): Promise<void> {
    const last = this.world.stepCount + mostQuietSteps
    const isOver = (): boolean => {
      const what = unfinished()
      if (what !== undefined && this.world.stepCount > last) {
        throw new Violation(`not answered after ${mostQuietSteps} quiet steps: ${what}`)
      }
      return what === undefined
    }
    return this.go(isOver, () => undefined)
  }

  private async judge(name: string): Promise<void> {
    const { world, network, registry } = this
    const options = { world, network, random: this.faultRandom, registry, name }
    const judge = new JudgeClient(options, (partition) => partition.allowOld(world.nowMs))
    await this.until(() => judge.unfinished)
  }
}
