/**
 * The simulation of a whole broker, in short: it repeats itself, it can't reach the real world, some seeds hold, and
 * it finds the mistakes that are put in. The long runs are `npm run simulate`.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canaries } from '../simulation/canaries.js'
import { enter, leave } from '../simulation/globals.js'
import { firstFailure, runSeed } from '../simulation/run-seed.js'
import type { SimulationResult } from '../simulation/simulation.js'
import { Trace } from '../simulation/trace.js'
import { World } from '../simulation/world.js'
import { Random } from '../support/random.js'
import { root } from '../tidy/source-tree.js'

const firstSeed = 1
const seedCount = 25

async function resultOf(seed: number): Promise<SimulationResult> {
  const outcome = await runSeed(seed)
  if ('failure' in outcome) {
    throw new Error(`replay: npm run simulate -- --seed ${seed}`, { cause: outcome.failure.error })
  }
  return outcome.result
}

describe('simulation of a broker', function () {
  this.timeout(120_000)

  it('gives one trace for one seed, and another for another', async () => {
    for (const seed of [3, 11, 29]) {
      const first = await resultOf(seed)
      expect(await resultOf(seed), `seed ${seed}`).to.deep.equal(first)
    }
    expect((await resultOf(3)).hash).to.not.equal((await resultOf(11)).hash)
  })

  it('keeps its promises in some seeds', async () => {
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) await resultOf(seed)
  })

  describe('owns', () => {
    const world = new World(new Random(1), new Random(2), new Trace(0))

    beforeEach(() => enter(world))
    afterEach(() => leave())

    it('the clocks', () => {
      world.nowMs = 500
      const wallMs = world.wallOffsetMs + 500
      expect([Date.now(), new Date().getTime(), new Date(7).getTime()]).to.deep.equal([wallMs, wallMs, 7])
      expect(performance.now()).to.be.within(500, 501)
    })

    it('the clock that only grows', () => {
      world.nowMs = 500
      expect(Number(process.hrtime.bigint()) / 1e6).to.be.within(500, 501)
    })

    it('timers: they run in steps of the process that made them, when their time has come', () => {
      const ran: string[] = []
      const process = world.addProcess('p')
      world.post(process, () => {
        setTimeout(() => ran.push('timeout'), 20)
        clearTimeout(setTimeout(() => ran.push('cancelled'), 10))
        setImmediate(() => ran.push('immediate'))
      })
      while (ran.length < 2) if (world.step() === 'idle') world.jump()
      expect(ran).to.deep.equal(['immediate', 'timeout'])
      world.kill(process)
    })

    it('randomness', () => {
      const again = new World(new Random(1), new Random(2), new Trace(0))
      const numbers = [Math.random(), randomBytes(4).readUInt32LE()]
      leave()
      enter(again)
      expect([Math.random(), randomBytes(4).readUInt32LE()]).to.deep.equal(numbers)
    })

    it('and lets nothing reach what it does not own', () => {
      const words = new Int32Array(new SharedArrayBuffer(4))
      for (const call of [() => randomUUID(), () => Atomics.wait(words, 0, 0, 1)]) {
        expect(call).to.throw('of the real world was called in a simulation')
      }
    })
  })

  describe('finds a mistake that is put in:', () => {
    for (const canary of canaries) {
      const { name, about, hints, within } = canary
      it(`${name}: ${about}`, async () => {
        const failure = await firstFailure(1, within, { canary, hints })
        expect(failure, `not found within ${within} seeds`).to.not.equal(undefined)
      })
    }
  })

  it('says in its page within how many seeds each is found', () => {
    const page = readFileSync(join(root, 'test/simulation/README.md'), 'utf8')
    for (const { name, within } of canaries) expect(page).to.contain(`| \`${name}\` | ${within} |`)
  })

  it('leaves nothing of these mistakes in what ships', () => {
    const folder = join(root, 'dist')
    expect(existsSync(folder), 'dist is built').to.equal(true)
    const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.js'))
    expect(names.length).to.be.above(3)
    for (const name of names) {
      const text = readFileSync(join(folder, name), 'utf8')
      for (const canary of canaries) expect(text.includes(canary.name), `${canary.name} in ${name}`).to.equal(false)
      expect(text.includes('canary'), `a canary in ${name}`).to.equal(false)
    }
  })
})
