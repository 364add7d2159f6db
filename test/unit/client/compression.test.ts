/**
 * The codecs of Node.js: what they pack they unpack, what other programs pack, too, and never more than is allowed.
 * Runs on: the test process; zstd and lz4 as programs where they are there.
 */
import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { isLz4FrameWithin, isZstdWithin, snappyUnpackedBytes } from '../../../native-free-core/log/unpacked-size.js'
import { xerialBlocks, xerialFrame } from '../../../native-free-core/log/xerial.js'
import { type Client, connect } from '../../../src/client/index.js'
import { nodePacker } from '../../../src/client/platform/node-packers.js'
import { FakeBroker } from '../../support/fake-broker.js'
import { Random, seedOfRun } from '../../support/random.js'

const names = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const MiB = 1024 * 1024

/** Bytes that pack to about half. */
function someBytes(length: number): Uint8Array {
  const random = new Random(7)
  return Uint8Array.from({ length }, () => random.below(16))
}

const isThere = (program: string) => spawnSync(program, ['--version']).status === 0
const pipe = (program: string, args: string[], input: Uint8Array) => spawnSync(program, args, { input }).stdout

describe('compression', () => {
  for (const name of names) {
    const { pack, unpack } = nodePacker(name)!

    it(`${name} gives back what it took, whatever its size`, () => {
      const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.nat(300_000).map(someBytes))
      const property = fc.property(bytes, (given) => {
        const unpacked = unpack(pack(given), 10 * MiB)
        expect(Buffer.compare(unpacked!, given)).to.equal(0)
      })
      fc.assert(property, { numRuns: 30, seed: seedOfRun() })
    })

    it(`${name} unpacks no more than is allowed`, () => {
      const bomb = pack(new Uint8Array(20 * MiB))
      expect(bomb.length).to.be.below(2 * MiB)
      expect(unpack(bomb, MiB)).to.equal(undefined)
      expect(unpack(bomb, 20 * MiB - 1)).to.equal(undefined)
      expect(unpack(bomb, 21 * MiB)).to.have.length(20 * MiB)
    })

    it(`${name} refuses or reads damaged bytes, and goes no further`, () => {
      const packed = pack(someBytes(2000))
      const damage = fc.array(fc.tuple(fc.nat(packed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      const property = fc.property(damage, fc.nat(packed.length), (changes, length) => {
        const damaged = Uint8Array.from(packed.subarray(0, length))
        for (const [at, byte] of changes) if (at < length) damaged[at] = byte
        try {
          expect(unpack(damaged, MiB)?.length ?? 0).to.be.at.most(MiB)
        } catch (error) {
          expect(error).to.be.an.instanceof(Error)
          expect((error as Error).name).to.not.equal('AssertionError')
        }
      })
      fc.assert(property, { numRuns: 200, seed: seedOfRun() })
    })
  }

  it('sees how much snappy blocks, lz4 frames and zstd frames hold', () => {
    const bytes = someBytes(500_000)
    const blocks = xerialBlocks(nodePacker('snappy')!.pack(bytes))
    expect(blocks.map(snappyUnpackedBytes).reduce((sum, size) => sum + size)).to.equal(500_000)
    const lz4 = nodePacker('lz4')!.pack(bytes)
    expect([isLz4FrameWithin(lz4, 500_000), isLz4FrameWithin(lz4, 499_999)]).to.deep.equal([true, false])
    const zstd = nodePacker('zstd')!.pack(bytes)
    expect([isZstdWithin(zstd, 640 * 1024), isZstdWithin(zstd, 499_999)]).to.deep.equal([true, false])
  })

  it('frames snappy as other clients do, and reads a raw block, too', () => {
    const frame = xerialFrame(someBytes(100), (block) => block)
    expect(Buffer.from(frame.subarray(0, 20)).toString('hex')).to.equal('82534e41505059000000000100000001' + '00000064')
    const [block] = xerialBlocks(nodePacker('snappy')!.pack(someBytes(100)))
    expect(nodePacker('snappy')!.unpack(block!, MiB)).to.have.length(100)
    expect(() => xerialBlocks(frame.subarray(0, 60))).to.throw('cut off')
  })

  for (const [program, name] of [
    ['zstd', 'zstd'],
    ['lz4', 'lz4'],
    ['gzip', 'gzip'],
  ] as const) {
    it(`exchanges ${name} with the program ${program}`, function () {
      if (!isThere(program)) return this.skip()
      const bytes = someBytes(300_000)
      const { pack, unpack } = nodePacker(name)!
      expect(Buffer.compare(pipe(program, ['-dc'], pack(bytes)), bytes)).to.equal(0)
      expect(Buffer.compare(unpack(pipe(program, ['-c'], bytes), MiB)!, bytes)).to.equal(0)
    })
  }

  describe('of a producer and a consumer', () => {
    let broker: FakeBroker
    let client: Client

    before(async () => {
      broker = await FakeBroker.start()
      client = await connect({ server: broker.address })
    })

    after(async () => {
      await client.close()
      await broker.stop()
    })

    for (const name of names) {
      it(`packs with ${name}, and unpacks`, async () => {
        const topic = broker.addTopic(name)
        const texts = Array.from({ length: 300 }, (_, index) => `the same again, number ${index}`)
        const producer = client.producer({ compression: name, lingerMs: 1000 })
        await producer.sendBatch(texts.map((value) => ({ topic: name, key: 'k', value })))
        expect(topic.partitions[0]!.batches[0]!.bytes.length).to.be.below(4000)
        const seen: unknown[] = []
        for await (const record of client.consumer({ topic: name, untilEnd: true }).records()) seen.push(record.text())
        expect(seen).to.deep.equal(texts)
      })
    }
  })
})
