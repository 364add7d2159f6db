/**
 * One node of etcd's raft: bytes in, a Ready out. No clock, no I/O; the host ticks it.
 * Runs on: the metadata worker, the simulator. Touches: its instance's memory.
 *
 * The order that raft demands: take `ready`, persist it, send its messages, apply its committed entries, `advance`;
 * again until `ready` gives nothing. A single node becomes leader and commits only through such rounds.
 */
import { RaftReader, RaftWriter } from './raft-codec.js'
import type { RaftInstance } from './raft-instance.js'
import type { ConfChange, ConfState, RaftEntry, RaftSnapshot, RaftStatus, Ready } from './raft-types.js'

export class RaftNode {
  readonly id: number
  private readonly instance: RaftInstance
  private readonly handle: number

  constructor(instance: RaftInstance, handle: number, id: number) {
    this.instance = instance
    this.handle = handle
    this.id = id
  }

  /** One unit of time. */
  tick(): void {
    this.instance.call('raft_tick', this.handle)
  }

  /** Takes messages from other nodes; returns how many raft refused (unknown sender, dropped proposal). */
  step(messages: readonly Uint8Array[]): number {
    return this.instance.call('raft_step_many', this.handle, this.instance.putMany(messages))
  }

  /** All or none enter the log, as one append. Throws RaftError `dropped` when no leader takes them. */
  propose(data: readonly Uint8Array[]): void {
    this.instance.call('raft_propose_many', this.handle, this.instance.putMany(data))
  }

  proposeConfChange(change: ConfChange): void {
    const writer = new RaftWriter().u32(0).u32(0).u32(change.changes.length)
    for (const { type, id } of change.changes) writer.u32(type).u64(id)
    const size = this.instance.put(writer.blob(new Uint8Array(0)).done())
    this.instance.call('raft_propose_conf_change', this.handle, size)
  }

  /** For a committed entry of type confChange or confChangeV2; answers the members from now on. */
  applyConfChange(entry: RaftEntry): ConfState {
    this.instance.call('raft_apply_conf_change', this.handle, entry.type, this.instance.put(entry.data))
    return new RaftReader(this.instance.output()).confState()
  }

  /** Stands for election now instead of after the election timeout. */
  campaign(): void {
    this.instance.call('raft_campaign', this.handle)
  }

  transferLeader(to: number): void {
    this.instance.call('raft_transfer_leader', this.handle, to)
  }

  reportUnreachable(id: number): void {
    this.instance.call('raft_report_unreachable', this.handle, id)
  }

  /** Whether a snapshot message reached its node; until then raft sends it nothing. */
  reportSnapshot(id: number, arrived: boolean): void {
    this.instance.call('raft_report_snapshot', this.handle, id, arrived ? 0 : 1)
  }

  /** The work that waits; undefined when there is none. */
  ready(): Ready | undefined {
    if (this.instance.call('raft_ready', this.handle) === 0) return undefined
    return new RaftReader(this.instance.output()).ready()
  }

  /** The last Ready is persisted and applied. */
  advance(): void {
    this.instance.call('raft_advance', this.handle)
  }

  /** Makes `data`, the state after entry `index`, the snapshot that lagging nodes get. */
  createSnapshot(index: number, confState: ConfState, data: Uint8Array): RaftSnapshot {
    const writer = new RaftWriter().u32(1).confState(confState).blob(data)
    this.instance.call('raft_create_snapshot', this.handle, index, this.instance.put(writer.done()))
    return new RaftReader(this.instance.output()).snapshot()
  }

  /** Drops entries up to `index`, which must not be past the snapshot. */
  compact(index: number): void {
    this.instance.call('raft_compact', this.handle, index)
  }

  status(): RaftStatus {
    this.instance.call('raft_status', this.handle)
    return new RaftReader(this.instance.output()).status()
  }

  destroy(): void {
    this.instance.call('raft_destroy', this.handle)
  }

  /** Tests only: dies in one of the ways that go/main.go lists. */
  crash(kind: number): void {
    this.instance.call('raft_crash', this.handle, kind)
  }
}
