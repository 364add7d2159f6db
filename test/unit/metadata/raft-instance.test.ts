/**
 * The raft module's host: elections and commits of one node, and what a host sees when Go dies.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { RaftError, RaftErrorCode, type RaftInstance } from '../../../native-free-core/metadata/raft/raft-instance.js'
import type { RaftNode } from '../../../native-free-core/metadata/raft/raft-node.js'
import {
  confStateOf,
  type HardState,
  type RaftEntry,
  RaftRole,
} from '../../../native-free-core/metadata/raft/raft-types.js'
import { newRaftInstance } from '../../support/raft-module.js'

const snapshot = { index: 0, term: 0, confState: confStateOf([1]), data: new Uint8Array(0) }
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

class Host {
  readonly log: RaftEntry[] = []
  readonly applied: string[] = []
  hardState: HardState | undefined

  run(node: RaftNode): this {
    for (let ready = node.ready(); ready !== undefined; ready = node.ready()) {
      this.log.push(...ready.entries)
      this.hardState = ready.hardState ?? this.hardState
      for (const entry of ready.committed) this.applied.push(new TextDecoder().decode(entry.data))
      node.advance()
    }
    return this
  }
}

function start(instance: RaftInstance, id = 1): RaftNode {
  const place = { ...snapshot, confState: confStateOf([id]) }
  return instance.createNode({ id, applied: 0, hardState: undefined, snapshot: place, entries: [] })
}

function errorOf(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

describe('raft instance', () => {
  it('elects a single node and commits what it proposes, in order', () => {
    const node = start(newRaftInstance(1))
    node.campaign()
    const host = new Host().run(node)
    node.propose([text('a'), text('b')])
    expect(host.run(node).applied).to.deep.equal(['', 'a', 'b'])
    expect(node.status()).to.include({ role: RaftRole.leader, leader: 1, commit: 3, applied: 3 })
  })

  it('goes on from what was persisted, without applying it again', () => {
    const instance = newRaftInstance(1)
    const node = start(instance)
    node.campaign()
    const host = new Host().run(node)
    node.propose([text('a')])
    host.run(node)
    const second = newRaftInstance(2).createNode({
      id: 1,
      applied: 2,
      hardState: host.hardState,
      snapshot,
      entries: host.log,
    })
    second.campaign()
    const after = new Host().run(second)
    second.propose([text('b')])
    expect(after.run(second).applied).to.deep.equal(['', 'b'])
  })

  it('takes entries and messages larger than its first buffer', () => {
    const node = start(newRaftInstance(1))
    node.campaign()
    const host = new Host().run(node)
    node.propose([new Uint8Array(900_000).fill(65)])
    expect(host.run(node).applied.at(-1)).to.have.length(900_000)
  })

  it('drops proposals while there is no leader', () => {
    expect(errorOf(() => start(newRaftInstance(1)).propose([text('a')]))).to.include({ code: RaftErrorCode.dropped })
  })

  it('refuses to compact past its snapshot', () => {
    const node = start(newRaftInstance(1))
    node.campaign()
    new Host().run(node)
    expect(() => node.compact(1)).to.throw(RaftError, /past the snapshot/)
    node.createSnapshot(1, confStateOf([1]), text('s'))
    node.compact(1)
    expect(node.status().firstIndex).to.equal(2)
  })

  it('gives a configuration that raft refuses as an error', () => {
    expect(errorOf(() => start(newRaftInstance(1), 0))).to.include({ code: RaftErrorCode.panic })
  })

  it('loses one node to a panic in a call; the others go on', () => {
    const instance = newRaftInstance(1)
    const first = start(instance)
    const second = start(instance, 2)
    expect(errorOf(() => first.crash(0)).message).to.match(/^deliberate panic\n.*goroutine/s)
    expect(errorOf(() => first.tick()).message).to.match(/poisoned/)
    second.campaign()
    expect(new Host().run(second).applied).to.deep.equal([''])
    expect(instance.ended).to.equal(undefined)
  })

  for (const [kind, what] of [
    [1, 'a panic on another goroutine'],
    [3, 'endless recursion'],
    [4, 'a deadlock'],
  ] as const) {
    it(`ends with ${what}, and says so on every later call`, () => {
      const written: string[] = []
      const instance = newRaftInstance(1, { written })
      const node = start(instance)
      const error = errorOf(() => node.crash(kind))
      expect(instance.ended).to.equal(error)
      expect(errorOf(() => node.tick())).to.equal(error)
      if (kind !== 3) expect(written.join('')).to.match(/panic|deadlock/)
    })
  }
})
