/**
 * The administrator of a simulation: makes and deletes topics, deletes records, asks for offsets. Whatever it asked for
 * and was not told, it looks up.
 * Runs on: the process that simulates.
 */
import { errorNameOf } from '../../native-free-core/errors/error-table.js'
import {
  readDeleteRecordsResponse,
  readListOffsetsResponse,
  readMetadataResponse,
  type TopicInfo,
  writeCreateTopicRequest,
  writeDeleteRecordsRequest,
  writeDeleteTopicRequest,
  writeListOffsetsRequest,
  writeMetadataRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import { checkExcuse, SimPartition, Violation } from './registry.js'
import { type ClientOptions, SimClient } from './sim-client.js'

export interface TopicPlan {
  readonly names: readonly string[]
  readonly mostPartitions: number
  configs(): Record<string, string>
  /** Of 100 acts, how many make or delete a topic. */
  readonly churn: number
  readonly deletesRecords: boolean
}

export class AdminClient extends SimClient {
  private readonly plan: TopicPlan
  protected override readonly actIntervalMs = 16
  private isBusy = false
  /** Topics that were made, by name, with what was asked for. */
  private readonly configsByName = new Map<string, Record<string, string>>()
  /** Of those whose making was not answered: asked for again as it was, for it may be made yet. */
  private readonly unanswered = new Map<string, { configs: Record<string, string>; partitions: number }>()
  private isSure = false
  /** Names of topics whose making was answered. */
  private readonly made = new Set<string>()
  private isLookingUp = false

  constructor(options: ClientOptions, plan: TopicPlan) {
    super(options)
    this.plan = plan
  }

  get unfinished(): string | undefined {
    return this.isBusy || !this.isSure ? `${this.name} waits for an answer, or does not know what there is` : undefined
  }

  protected ready(): void {
    this.isBusy = false
    this.isLookingUp = false
    this.isSure = false
    this.lookUp()
  }

  /** What there is now. */
  private lookUp(): void {
    if (this.isLookingUp) return
    this.isLookingUp = true
    this.ask(
      'Metadata',
      (body) => writeMetadataRequest(body, { all: true, names: [] }),
      ({ isLost, error, body }) => {
        this.isLookingUp = false
        if (isLost) return
        if (error !== undefined) throw new Violation(`${this.name}: Metadata was refused: ${error.message}`)
        this.learn(readMetadataResponse(body).topics)
        this.isSure = true
      },
    )
  }

  private learn(topics: readonly TopicInfo[]): void {
    const { partitions, clock } = this.registry
    for (const { name, topicId, partitions: infos } of topics) {
      const configs = this.configsByName.get(name) ?? {}
      for (const { partition, partitionId } of infos) {
        if (partitions.has(partitionId)) continue
        const made = new SimPartition({ partitionId, topicName: name, topicId, partition, configs, clock })
        made.isPlaced = this.made.has(name)
        partitions.set(partitionId, made)
        this.say(`knows ${name}-${partition} (${partitionId})`)
      }
    }
    const ids = new Set(topics.flatMap((topic) => topic.partitions.map(({ partitionId }) => partitionId)))
    for (const one of partitions.values()) {
      if (ids.has(one.partitionId)) continue
      if (!one.mayBeGone) one.fail('nobody deleted it, and it is not there any more')
      one.isGone = true
    }
  }

  protected act(): void {
    if (this.isBusy) return
    if (!this.isSure) return this.lookUp()
    const names = new Set(this.registry.live.map(({ topicName }) => topicName))
    if (this.isEnding) return
    if (names.size === 0) return this.create()
    const dice = this.random.below(100)
    if (dice < this.plan.churn) {
      if (names.size < 2 || this.random.below(3) > 0) this.create()
      else this.delete(this.random.pick([...names]), this.random.below(2) === 0)
    } else if (dice < 85) return
    else if (dice < 92 && this.plan.deletesRecords) this.deleteRecords(this.random.pick(this.registry.live))
    else this.listOffsets(this.random.pick(this.registry.live))
  }

  private create(): void {
    const there = new Set(this.registry.live.map(({ topicName }) => topicName))
    const name = this.random.pick(this.plan.names)
    if (there.has(name) || [...this.registry.partitions.values()].some((p) => p.topicName === name && !p.isGone)) return
    this.make(name)
  }

  private make(name: string): void {
    const asked = this.unanswered.get(name) ?? {
      configs: this.plan.configs(),
      partitions: this.random.between(1, this.plan.mostPartitions),
    }
    const { configs, partitions } = asked
    this.unanswered.set(name, asked)
    this.configsByName.set(name, configs)
    this.made.delete(name)
    this.begin(`creates ${name} with ${partitions} partitions, ${JSON.stringify(configs)}`)
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    this.ask(
      'CreateTopic',
      (body) => writeCreateTopicRequest(body, { name, partitions, replicationFactor: 1, configs: entries }),
      ({ isLost, error }) => {
        if (!isLost) this.unanswered.delete(name)
        if (!isLost && error === undefined) this.made.add(name)
        this.changed(`CreateTopic ${name}`, isLost, error?.code, ['TOPIC_ALREADY_EXISTS'])
      },
    )
  }

  /** `isAnew`: another takes its name at once, before anybody has heard of the end of the first. */
  private delete(name: string, isAnew: boolean): void {
    for (const one of this.registry.partitions.values()) if (one.topicName === name) one.mayBeGone = true
    this.unanswered.delete(name)
    this.begin(`deletes ${name}`)
    this.ask(
      'DeleteTopic',
      (body) => writeDeleteTopicRequest(body, { name }),
      ({ isLost, error }) => {
        if (!isAnew || isLost) this.changed(`DeleteTopic ${name}`, isLost, error?.code, [])
      },
    )
    if (isAnew) this.make(name)
  }

  private begin(what: string): void {
    this.isBusy = true
    this.isSure = false
    this.say(what)
  }

  private changed(what: string, isLost: boolean, code: number | undefined, allowed: readonly string[]): void {
    this.isBusy = false
    if (isLost) return
    this.say(`${what}: ${code === undefined ? 'done' : errorNameOf(code)}`)
    if (code !== undefined && !allowed.includes(errorNameOf(code))) {
      checkExcuse(code, `${this.name}: ${what}`, this.excuses)
    }
    // Also what was refused is looked up: a name that was deleted and refused may still be there.
    this.lookUp()
  }

  private deleteRecords(partition: SimPartition | undefined): void {
    if (partition === undefined || partition.knownEnd === 0) return
    const beforeOffset = this.random.between(partition.knownStart, partition.knownEnd)
    const { partitionId, model } = partition
    model.mayStartAt = Math.max(model.mayStartAt, beforeOffset)
    this.isBusy = true
    this.say(`deletes records of ${partition.name} below offset ${beforeOffset}`)
    this.ask(
      'DeleteRecords',
      (body) => writeDeleteRecordsRequest(body, { partitionId, beforeOffset }),
      ({ isLost, error, body }) => {
        this.isBusy = false
        if (isLost) return
        const what = `${this.name}: DeleteRecords of ${partition.name}`
        if (error !== undefined) return checkExcuse(error.code, what, this.excuses, partition)
        const { logStartOffset } = readDeleteRecordsResponse(body)
        this.say(`${partition.name} starts at offset ${logStartOffset}`)
        if (logStartOffset < beforeOffset)
          partition.fail(`starts at ${logStartOffset} after ${beforeOffset} was asked for`)
        model.logStartOffset = Math.max(model.logStartOffset, beforeOffset)
        partition.knownStart = Math.max(partition.knownStart, beforeOffset)
      },
    )
  }

  private listOffsets(partition: SimPartition | undefined): void {
    if (partition === undefined) return
    const { partitionId, knownEnd } = partition
    this.isBusy = true
    this.ask(
      'ListOffsets',
      (body) => writeListOffsetsRequest(body, { partitionId, timestampMs: -1 }),
      ({ isLost, error, body }) => {
        this.isBusy = false
        if (isLost) return
        const what = `${this.name}: ListOffsets of ${partition.name}`
        if (error !== undefined) return checkExcuse(error.code, what, this.excuses, partition)
        const { offset } = readListOffsetsResponse(body)
        if (offset < knownEnd) partition.fail(`its latest offset is ${offset}; offset ${knownEnd - 1} was stored`)
      },
    )
  }
}
