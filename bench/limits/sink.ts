/**
 * How many records the sockets alone carry: the frames that a producer sends, to a process that counts them and
 * answers each as the broker does, on either front end, with as many under way as idempotence allows.
 * Runs on: a process of its own (the client), which starts the sink as another. Touches: loopback.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { Api, writeProduceRequest } from '../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter } from '../../native-free-core/protocol/frame.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { cpuSecondsOf } from '../compare/processes.js'
import type { LimitAnswer } from './main.js'

const mostInFlight = 5
/** Different ones, so that no cache holds what is sent. */
const frameCount = 32
const warmUpShare = 0.3
const poolBytes = 1 << 20

interface Frames {
  readonly frames: readonly Buffer[]
  readonly recordsPerFrame: number
}

export async function measureSink(
  frontEnd: 'uws' | 'ws',
  batchBytes: number,
  recordBytes: number,
  seconds: number,
): Promise<LimitAnswer> {
  const { frames, recordsPerFrame } = framesOf(batchBytes, recordBytes)
  const program = fileURLToPath(new URL('sink-server.js', import.meta.url))
  const sink = spawn(process.execPath, [program, frontEnd], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const port = await portOf(sink)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    await once(socket, 'open')
    await flood(socket, frames, seconds * warmUpShare)
    const before = [cpuSecondsOf(sink.pid!), process.cpuUsage()] as const
    const { count, elapsed } = await flood(socket, frames, seconds)
    socket.terminate()
    const { user, system } = process.cpuUsage(before[1])
    const millions = (count * recordsPerFrame) / 1e6
    const recordsPerSecond = (count * recordsPerFrame) / elapsed
    const figures = {
      mebibytesPerSecond: (recordsPerSecond * recordBytes) / (1 << 20),
      brokerSecondsPerMillion: (cpuSecondsOf(sink.pid!) - before[0]) / millions,
      clientSecondsPerMillion: (user + system) / 1e6 / millions,
    }
    return { figures, recordsPerSecond }
  } finally {
    sink.kill('SIGKILL')
  }
}

async function portOf(sink: ChildProcess): Promise<number> {
  const [line] = (await Promise.race([once(sink.stdout!, 'data'), once(sink, 'exit').then(() => [''])])) as [Buffer]
  const port = Number(line.toString())
  if (!(port > 0)) throw new Error('the sink did not start')
  return port
}

/** Made beforehand: this is about sockets, not about encoding. */
function framesOf(batchBytes: number, recordBytes: number): Frames {
  const pool = randomFillSync(new Uint8Array(poolBytes + recordBytes))
  let taken = 0
  const value = () => {
    const at = (taken++ * recordBytes) % poolBytes
    return pool.subarray(at, at + recordBytes)
  }
  const builder = new RecordBatchBuilder(batchBytes)
  let recordsPerFrame = 0
  const frames = Array.from({ length: frameCount }, () => {
    builder.reset()
    while (builder.sizeWith(null, pool.subarray(0, recordBytes)) <= batchBytes)
      builder.append(null, value(), Date.now())
    recordsPerFrame = builder.recordCount
    const writer = new FrameWriter(batchBytes)
    writeProduceRequest(writer.begin(Api.Produce, 0, 1), { partitionId: 1, acks: -1, batch: builder.finish() })
    writer.end()
    return Buffer.from(writer.view())
  })
  return { frames, recordsPerFrame }
}

/** Resolves when all that was sent is answered. */
function flood(
  socket: WebSocket,
  frames: readonly Buffer[],
  seconds: number,
): Promise<{ count: number; elapsed: number }> {
  const startMs = performance.now()
  let sent = 0
  let answered = 0
  const send = () => socket.send(frames[sent++ % frames.length]!)
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error('the sink closed the connection'))
    const onAnswer = () => {
      answered++
      const elapsedMs = performance.now() - startMs
      if (elapsedMs < seconds * 1000) return send()
      if (answered < sent) return
      socket.off('message', onAnswer).off('close', fail)
      resolve({ count: answered, elapsed: elapsedMs / 1000 })
    }
    socket.on('message', onAnswer).on('close', fail)
    for (let left = mostInFlight; left > 0; left--) send()
  })
}
