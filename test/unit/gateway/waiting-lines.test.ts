/**
 * What waits for a ring's room: each sender's in order, senders in turn, and nothing kept of what is over.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WaitingLines } from '../../../src/gateway/waiting-lines.js'

interface Item {
  readonly name: string
  readonly sizeBytes: number
}

function linesOf(...items: readonly (readonly [sender: string, name: string, sizeBytes?: number])[]) {
  const lines = new WaitingLines<Item>(({ sizeBytes }) => sizeBytes)
  for (const [sender, name, sizeBytes = 1] of items) lines.push(sender, { name, sizeBytes })
  return lines
}

function takeAll(lines: WaitingLines<Item>): string[] {
  const taken: string[] = []
  for (let item = lines.peek(); item !== undefined; item = lines.peek()) {
    taken.push(item.name)
    lines.shift()
  }
  return taken
}

describe('waiting lines', () => {
  it('serve senders in turn, and each in order', () => {
    const lines = linesOf(['a', 'a1'], ['a', 'a2'], ['a', 'a3'], ['b', 'b1'], ['c', 'c1'], ['c', 'c2'])
    expect(takeAll(lines)).to.deep.equal(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
    expect(lines.isEmpty).to.equal(true)
  })

  it('know what a sender has waiting', () => {
    const lines = linesOf(['a', 'a1', 10], ['a', 'a2', 5], ['b', 'b1', 7])
    expect(['a', 'b', 'c'].map((sender) => lines.sizeBytesOf(sender))).to.deep.equal([15, 7, 0])
    lines.shift()
    expect(['a', 'b', 'c'].map((sender) => lines.sizeBytesOf(sender))).to.deep.equal([5, 7, 0])
  })

  it('keep the order of a line that is cut while it is served', () => {
    const names = Array.from({ length: 3000 }, (_, index) => `a${index}`)
    expect(takeAll(linesOf(...names.map((name) => ['a', name] as const)))).to.deep.equal(names)
  })

  it('hold nothing of what was served, as long as a line may be', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const lines = linesOf()
    let served: WeakRef<object> | undefined
    // In a function of its own: no variable keeps the item.
    const fill = (): void => {
      const item = { name: 'large', sizeBytes: 1 }
      served = new WeakRef(item)
      lines.push('a', item)
      for (let index = 0; index < 100; index++) lines.push('a', { name: `a${index}`, sizeBytes: 1 })
      lines.shift()
    }
    fill()
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    expect(served?.deref()).to.equal(undefined)
    expect(lines.peek()?.name).to.equal('a0')
  })
})
