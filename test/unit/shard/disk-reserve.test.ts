/**
 * When writes stop on a disk that fills up: exactly so late that the reserve stays free, whoever writes.
 * Runs on: the test process, on a disk that is a number.
 */
import { expect } from 'chai'
import { AppendCounter, createAppendCounter } from '../../../native-free-core/mailbox/append-counter.js'
import { DiskReserve } from '../../../workers/shard/disk-reserve.js'
import type { Disk } from '../../../workers/shared/disk.js'
import { Random } from '../../support/random.js'

const MiB = 2 ** 20
const reserveBytes = 100 * MiB
const journalBytes = 16 * MiB

/** Shards whose appends lie in journals of `journalBytes` until they are settled. */
class Shards {
  free: number
  looks = 0
  nowMs = 1000
  readonly reserves: readonly DiskReserve[]
  private readonly unsettled: number[]

  constructor(count: number, free: number) {
    this.free = free
    const disk = {
      freeBytes: () => {
        this.looks++
        return this.free
      },
      totalBytes: () => 2 ** 40,
    } as unknown as Disk
    const memory = createAppendCounter()
    const journalsBytes = journalBytes * count
    this.reserves = Array.from(
      { length: count },
      () => new DiskReserve(disk, '/', reserveBytes, journalsBytes, new AppendCounter(memory)),
    )
    this.unsettled = this.reserves.map(() => 0)
    for (const reserve of this.reserves) reserve.check(this.nowMs)
  }

  /** A turn of a shard: false when it refuses. Settles what would not fit into its journal. */
  append(shard: number, bytes: number): boolean {
    const reserve = this.reserves[shard]!
    reserve.check(this.nowMs)
    if (reserve.isReached) return false
    if (this.unsettled[shard]! + bytes > journalBytes) this.settle(shard)
    this.unsettled[shard]! += bytes
    reserve.appended(bytes)
    return true
  }

  settle(shard: number): void {
    this.free -= this.unsettled[shard]!
    this.unsettled[shard] = 0
  }
}

describe('the disk reserve', () => {
  it('stays free when all is settled, and little more, however fast and by which shards it is filled', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed)
      const count = random.between(1, 8)
      const shards = new Shards(count, random.between(200, 2000) * MiB)
      const shares = Array.from({ length: count }, () => random.between(0, 10))
      const turnMs = random.pick([0.1, 1, 20, 300])
      // Refused for a second, by those who write: it is no passing refusal.
      for (let refusedMs = 0; refusedMs < 1000; ) {
        shards.nowMs += turnMs
        let [wrote, refused] = [false, false]
        // One falls silent, another begins.
        if (random.chance(0.01)) shares[random.below(count)] = random.between(0, 10)
        for (const [shard, share] of shares.entries()) {
          if (!random.chance(share / 10)) continue
          if (shards.append(shard, random.between(1, MiB))) wrote = true
          else refused = true
        }
        if (wrote) refusedMs = 0
        else if (refused) refusedMs += turnMs
      }
      for (const shard of shares.keys()) shards.settle(shard)
      const besides = (shards.free - reserveBytes) / MiB
      expect(besides, `seed ${seed}`).to.be.within(-count, (count * journalBytes) / MiB + 2)
    }
  })

  it('refuses nobody early because other shards might write as much', () => {
    const shards = new Shards(8, 1000 * MiB)
    let refusedBefore = 0
    while (shards.free > reserveBytes + 8 * journalBytes + 32 * MiB) {
      shards.nowMs += 1
      if (!shards.append(0, MiB)) refusedBefore++
    }
    expect(refusedBefore).to.equal(0)
  })

  it('sees within 100 ms what others write near it, and asks once a second where there is room', () => {
    const shards = new Shards(1, 10_000 * MiB)
    for (let count = 0; count < 5000; count++) {
      shards.nowMs += 1
      shards.append(0, 1000)
    }
    expect(shards.looks).to.be.at.most(7)
    shards.free = 150 * MiB
    shards.nowMs += 1000
    expect(shards.append(0, 1000)).to.equal(true)
    shards.free = 110 * MiB
    shards.nowMs += 100
    expect(shards.append(0, 1000)).to.equal(false)
    const { looks } = shards
    for (let count = 0; count < 1000; count++) {
      shards.nowMs += 0.1
      shards.append(0, 1000)
    }
    expect(shards.looks - looks, 'while it refuses').to.be.at.most(11)
    shards.free = 150 * MiB
    shards.nowMs += 10
    expect(shards.append(0, 1000), 'as soon as there is room').to.equal(true)
  })

  it('goes on asking when the clock is set back', () => {
    const shards = new Shards(1, 200 * MiB)
    shards.nowMs = 0
    shards.free = 0
    shards.nowMs = -10_000
    expect(shards.append(0, 1000)).to.equal(false)
  })
})
