/**
 * etcd's raft for tests: compiled once a process, instances with a seeded stream of election timeouts.
 * Runs on: the test process. Touches: the module's file.
 */
import { RaftInstance } from '../../native-free-core/metadata/raft/raft-instance.js'
import type { FillRandom } from '../../native-free-core/metadata/raft/wasi.js'
import { loadRaftModule } from '../../workers/metadata/raft-module.js'
import { Random } from './random.js'

let compiled: WebAssembly.Module | undefined

export function raftModule(): WebAssembly.Module {
  compiled ??= loadRaftModule()
  return compiled
}

function fillFrom(random: Random): FillRandom {
  return (into) => into.set(random.bytes(into.length))
}

/** `runtimeSeed`: of Go's own hash seeds, which must not matter. */
export function newRaftInstance(
  seed: number,
  options: { runtimeSeed?: number; written?: string[]; logged?: string[] } = {},
): RaftInstance {
  let nowMs = 0
  return new RaftInstance(raftModule(), {
    nowMs: () => nowMs++,
    fillRandom: fillFrom(new Random(options.runtimeSeed ?? 1)),
    fillElectionRandom: fillFrom(new Random(seed)),
    write: (text) => options.written?.push(text),
    log: (_nodeId, _level, text) => options.logged?.push(text),
  })
}
