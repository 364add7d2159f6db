/**
 * When a shard says that nothing of deleted topics is left here: not before a power cut can't bring it back either.
 * Runs on: the test process, shards inline on a disk in memory, with a clock of their own.
 */
import { expect } from 'chai'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { newestSuperblock, readSuperblock, superblockBytes } from '../../../native-free-core/journal/superblock.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { MetadataImage, type DeletedTopic, type TopicImage } from '../../../native-free-core/metadata/metadata-image.js'
import { PartitionFolders } from '../../../workers/shared/partition-folders.js'
import { InlineBroker } from '../../simulation/inline-shard.js'
import { type Fault, MemoryDisk, type Operation } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const startMs = 1_700_000_000_000
const clearAfterMs = 1000
const journalPath = '/data/journals/shard-0.journal'
const [first, second, third] = ['7'.repeat(32), '8'.repeat(32), '9'.repeat(32)]

/** A data folder, its metadata, and the broker on it; `fault` is asked before each disk call. */
class Room {
  readonly disk: MemoryDisk
  readonly random: Random
  broker!: InlineBroker
  image = MetadataImage.empty('c1'.repeat(16))
  fault: (operation: Operation, path: string) => Fault = () => undefined

  constructor(seed = 1) {
    this.random = new Random(seed)
    this.disk = new MemoryDisk({ random: this.random, fault: (operation, path) => this.fault(operation, path) })
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    for (const path of ['/data', '/']) this.disk.syncFolder(path)
  }

  start(shardCount = 1): void {
    const { disk, random, image } = this
    this.broker = new InlineBroker({ disk, random, image, shardCount, journalBytes: 1 << 20, clearAfterMs }, startMs)
  }

  /** The next image; the broker, if there is one, applies it. */
  change(topics: readonly TopicImage[], deletedTopics: readonly DeletedTopic[]): void {
    const { clusterId, brokers, version, nextPartitionId, nextProducerId } = this.image
    const same = { clusterId, brokers, nextPartitionId, nextProducerId }
    this.image = new MetadataImage({ ...same, version: version + 1, topics, deletedTopics })
  }

  create(topicId: string, name: string, partitionId: number): void {
    const row = { leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }
    const made = { topicId, name, configs: {}, partitions: [{ ...row, partition: 0, partitionId }] }
    this.change([...this.image.topics, made], this.image.deletedTopics)
  }

  delete(topicId: string): void {
    const { topics, deletedTopics, version } = this.image
    const kept = topics.filter((topic) => topic.topicId !== topicId)
    this.change(kept, [...deletedTopics, { topicId, version: version + 1 }])
  }

  forget(): void {
    this.change(this.image.topics, [])
  }

  apply(): void {
    this.broker.apply(this.image)
  }

  turns(count: number): void {
    for (; count > 0; count--) this.broker.turn()
  }

  produce(partitionId: number, valueBytes = 100): void {
    const builder = new RecordBatchBuilder()
    builder.append(null, new Uint8Array(valueBytes), this.broker.nowMs)
    let code = -1
    this.broker.produce(partitionId, builder.finish().slice(), (answer) => (code = answer.code))
    this.broker.until(() => code === 0, 'produce')
  }

  /** As after a turn of the first shard. */
  step(): number | undefined {
    return this.broker.shards[0]!.clearing.step(this.broker.nowMs)
  }

  untilCleared(): void {
    this.broker.until(() => this.broker.clearedVersion >= this.image.version, 'clear what was deleted')
  }

  kill(): void {
    this.disk.cutPower()
    this.disk.restartProcess()
  }

  cutPower(): void {
    this.disk.cutPower()
    this.disk.restart()
  }

  strangers(): string[] {
    return [...new PartitionFolders(this.disk, '/data/topics').strangersTo(this.image)]
  }

  /** A topic with a record, known to the running broker. */
  static withTopic(seed = 1): Room {
    const room = new Room(seed)
    room.create(first, 'one', 0)
    room.start()
    room.produce(0)
    return room
  }

  /** The same; the broker ended, and nothing of it is in a journal. */
  static afterCleanStop(seed: number): Room {
    const room = Room.withTopic(seed)
    room.broker.stop()
    room.kill()
    return room
  }
}

describe('what a shard says of deleted topics', () => {
  it('comes when the journal has passed them, however little there is to settle, and after that costs nothing', () => {
    const room = Room.withTopic()
    const { journal } = room.broker.shards[0]!.shard
    room.delete(first)
    room.apply()
    const deletedMs = room.broker.nowMs
    let writes = 0
    room.fault = (operation) => {
      if (operation === 'durable write') writes++
      return undefined
    }
    room.broker.until(() => room.broker.nowMs > deletedMs + clearAfterMs - 50, 'wait')
    expect(room.broker.clearedVersion).to.equal(-1)
    expect(journal.usedBytes, 'nothing is settled so far').to.be.above(0)
    expect(writes, 'the commit of the delete entry').to.equal(1)
    room.untilCleared()
    expect(journal.usedBytes).to.equal(0)
    expect(writes, 'the new head, into both copies').to.equal(3)
    room.turns(3000)
    expect(writes).to.equal(3)
  })

  it('comes as soon as enough is written that the journal is settled', () => {
    const room = Room.withTopic()
    room.create(second, 'two', 1)
    room.delete(first)
    room.apply()
    const deletedMs = room.broker.nowMs
    while (room.broker.clearedVersion < room.image.version) room.produce(1, 30_000)
    expect(room.broker.nowMs - deletedMs).to.be.below(clearAfterMs)
  })

  it('is worth a write to the disk once in an interval, for all that was deleted by then', () => {
    const room = Room.withTopic()
    room.create(second, 'two', 1)
    room.create(third, 'three', 2)
    room.apply()
    const deletedMs = room.broker.nowMs
    room.delete(first)
    room.apply()
    room.turns(50)
    room.delete(second)
    room.apply()
    room.untilCleared()
    const clearedMs = room.broker.nowMs
    expect(clearedMs - deletedMs).to.be.within(clearAfterMs, clearAfterMs + 200)
    room.delete(third)
    room.apply()
    room.untilCleared()
    expect(room.broker.nowMs - clearedMs).to.be.within(clearAfterMs, clearAfterMs + 200)
  })

  it('holds though the newest copy of the superblock is damaged', () => {
    const room = Room.withTopic()
    room.delete(first)
    room.apply()
    room.untilCleared()
    room.forget()
    room.kill()
    const file = room.disk.open(journalPath, 'durable-write')
    const bytes = new Uint8Array(2 * superblockBytes)
    room.disk.read(file, bytes, 0)
    const copies = [0, superblockBytes].map((at) => readSuperblock(bytes, at, crc32cOf))
    const newest = newestSuperblock(copies[0]!, copies[1]!)
    const at = JSON.stringify(copies[0]) === JSON.stringify(newest) ? 0 : superblockBytes
    room.disk.write(file, new Uint8Array(superblockBytes), at)
    room.disk.close(file)
    room.start()
  })

  it('is said at once by a start that finds all of it gone, without a write', () => {
    const room = Room.withTopic()
    room.delete(first)
    room.apply()
    room.turns(5)
    room.kill()
    room.start()
    room.fault = (operation) => {
      if (operation === 'durable write' || operation.startsWith('sync')) throw new Error(`a ${operation}`)
      return undefined
    }
    expect(room.broker.clearedVersion).to.equal(-1)
    room.turns(5)
    expect(room.broker.clearedVersion).to.equal(room.image.version)
  })

  it('is not said while one of several shards has not done so', () => {
    const room = new Room()
    room.create(first, 'one', 0)
    room.create(second, 'two', 1)
    room.start(2)
    room.turns(20)
    room.delete(first)
    const { placement, shard, clearing } = room.broker.shards[0]!
    if (placement.apply(room.image, shard)) clearing.applied(room.image)
    room.turns(3000)
    expect(room.broker.clearedVersion).to.equal(-1)
    room.apply()
    room.untilCleared()
  })

  it('never comes from one that is offline', () => {
    const room = Room.withTopic()
    room.fault = (operation) => (operation === 'rename' ? 'EIO' : undefined)
    room.delete(first)
    room.apply()
    room.fault = () => undefined
    expect(room.broker.failure?.message).to.match(/EIO/)
    room.turns(3000)
    expect(room.broker.clearedVersion).to.equal(-1)
  })

  it('never comes from one that is offline since its start', () => {
    const room = Room.withTopic()
    room.delete(first)
    room.kill()
    room.start()
    room.broker.shards[0]!.shard.takeOffline(new StreamBusError('KAFKA_STORAGE_ERROR', 'the disk is gone'))
    room.turns(3000)
    expect(room.broker.clearedVersion).to.equal(-1)
  })

  it('never comes from one whose new head could not be written', () => {
    const room = Room.withTopic()
    room.delete(first)
    room.apply()
    room.turns(5)
    room.fault = (operation) => (operation === 'durable write' ? 'EIO' : undefined)
    room.turns(3000)
    expect(room.broker.failure?.message).to.match(/EIO/)
    expect(room.broker.clearedVersion).to.equal(-1)
  })

  describe('lets nothing come back by a power cut', () => {
    /** Cuts the power, has the topics forgotten, starts, and finds no folder that nobody knows. */
    function expectGone(room: Room, seed: number): void {
      room.forget()
      room.cutPower()
      room.start()
      expect(room.strangers(), `seed ${seed}`).to.deep.equal([])
    }

    it('of what this run deleted', () => {
      for (let seed = 1; seed <= 20; seed++) {
        const room = Room.afterCleanStop(seed)
        room.start()
        room.delete(first)
        room.apply()
        expect(room.step(), 'the entry that says so is in no commit yet').to.equal(undefined)
        room.untilCleared()
        expectGone(room, seed)
      }
    })

    it('of folders that the run before renamed', () => {
      for (let seed = 1; seed <= 20; seed++) {
        const room = Room.afterCleanStop(seed)
        room.start()
        room.delete(first)
        room.apply()
        room.kill()
        room.start()
        room.untilCleared()
        expectGone(room, seed)
      }
    })

    it('of folders that recovery renamed', () => {
      for (let seed = 1; seed <= 20; seed++) {
        const room = Room.afterCleanStop(seed)
        room.delete(first)
        room.start()
        room.untilCleared()
        expectGone(room, seed)
      }
    })

    it('of a folder that was in the way of a topic made anew', () => {
      for (let seed = 1; seed <= 20; seed++) {
        const room = Room.afterCleanStop(seed)
        room.delete(first)
        room.create(second, 'one', 1)
        room.start()
        room.untilCleared()
        // The last that is known of the name is gone as well, before the shard hears of it.
        room.delete(second)
        room.change([], room.image.deletedTopics.slice(1))
        room.cutPower()
        room.start()
        expect(room.strangers(), `seed ${seed}`).to.deep.equal([])
      }
    })
  })
})
