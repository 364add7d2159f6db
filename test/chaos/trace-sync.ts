/**
 * `npm run trace:sync`: a broker under strace, to see for each acknowledgement the synced write that completed before
 * it. Then a canary, whose commits are written without O_DSYNC: it must be caught.
 *
 * From the order of the system calls:
 *   - every commit goes through a descriptor that was opened with O_DSYNC,
 *   - when a frame with acknowledgements is handed to the socket, as many batches lie in commits whose write returned
 *     before that.
 *
 * Runs on: a process of its own, with a broker process. Needs strace (Debian, Ubuntu: apt-get install strace).
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Api } from '../../native-free-core/protocol/codecs.generated.js'
import { EntryType } from '../../native-free-core/journal/entry-format.js'
import { MessageFlag, messageHeaderBytes } from '../../native-free-core/protocol/frame.js'
import { connect } from '../../src/client/index.js'
import { checkOptions } from '../support/options.js'
import { BrokerProcess, freePort } from './broker-process.js'

const recordCount = 400
const calls = 'pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fdatasync,fsync,openat'
const diskModule = fileURLToPath(new URL('../support/power-cut-disk.js', import.meta.url))

interface SystemCall {
  readonly name: string
  readonly text: string
  /** Where in the trace it began, and where it returned; infinity: it never did. */
  readonly start: number
  end: number
  result: string
}

function readTrace(path: string): SystemCall[] {
  const found: SystemCall[] = []
  const unfinished = new Map<string, SystemCall>()
  for (const [index, line] of readFileSync(path, 'latin1').split('\n').entries()) {
    const resumed = /^(\d+)\s+<\.\.\. \w+ resumed>.*= (\S+)/.exec(line)
    if (resumed !== null) {
      const call = unfinished.get(resumed[1]!)
      if (call !== undefined) Object.assign(call, { end: index, result: resumed[2] })
      continue
    }
    const begun = /^(\d+)\s+(\w+)\((.*)$/.exec(line)
    if (begun === null) continue
    const result = /\) = (\S+)/.exec(line)
    const end = result === null ? Number.POSITIVE_INFINITY : index
    const call = { name: begun[2]!, text: begun[3]!, start: index, end, result: result?.[1] ?? '' }
    found.push(call)
    if (result === null) unfinished.set(begun[1]!, call)
  }
  return found
}

/** The bytes of all texts of a call, as strace -xx prints them. */
function bytesOf(text: string): Buffer {
  const parts = [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => hex!.replaceAll('\\x', ''))
  return Buffer.from(parts.join(''), 'hex')
}

/** Descriptor and path of a call on a file. */
function fileOf(text: string): { fd: number; path: string } {
  const match = /^(\d+)<((?:\\x[0-9a-f]{2})*)>/.exec(text)
  if (match === null) return { fd: -1, path: '' }
  return { fd: Number(match[1]), path: Buffer.from(match[2]!.replaceAll('\\x', ''), 'hex').toString() }
}

/** Batches in a commit; 0 for what is no commit. */
function batchesIn(commit: Buffer): number {
  if (commit.length < 64 || commit.toString('latin1', 0, 4) !== 'SBCM') return 0
  let batches = commit.readUInt32LE(48)
  // Entries that are no batches come first or are few: all that strace shows is looked at.
  for (let at = 64; at + 8 <= commit.length && commit.readUInt32LE(at) > 0; at += (commit.readUInt32LE(at) + 7) & ~7) {
    if (commit[at + 4] !== EntryType.append) batches--
  }
  return batches
}

/** Acknowledgements of produce requests in WebSocket frames of a server. */
function acknowledgementsIn(sent: Buffer): number {
  let count = 0
  for (let at = 0; at + 2 <= sent.length && sent[at] === 0x82; ) {
    const short = sent[at + 1]! & 0x7f
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10
    const length = short < 126 ? short : short === 126 ? sent.readUInt16BE(at + 2) : sent.readUInt32BE(at + 6)
    const end = Math.min(sent.length, at + headerBytes + length)
    for (let message = at + headerBytes; message + messageHeaderBytes <= end; ) {
      const isGood = sent.readUInt16BE(message + 6) === MessageFlag.response
      if (sent.readUInt16BE(message + 4) === Api.Produce && isGood) count++
      message += sent.readUInt32BE(message) + 4
    }
    at += headerBytes + length
  }
  return count
}

interface Figures {
  commits: number
  batches: number
  acknowledged: number
  frames: number
}

/** Throws with the first acknowledgement that no synced commit covers. */
function judge(trace: readonly SystemCall[]): Figures {
  const synced = new Set<number>()
  const commits: { readonly end: number; readonly batches: number }[] = []
  const sends: SystemCall[] = []
  for (const call of trace) {
    const { fd, path } = fileOf(call.text)
    if (call.name === 'openat') noteOpen(call, synced)
    else if (call.name.startsWith('pwrite') && path.includes('/journals/shard-')) {
      const batches = batchesIn(bytesOf(call.text))
      if (batches > 0 && !synced.has(fd)) throw new Error(`a commit goes to ${path} without O_DSYNC`)
      if (batches > 0) commits.push({ end: call.end, batches })
    } else if (/^(write|send)/.test(call.name) && /^(socket|TCP)/.test(path)) sends.push(call)
  }
  return judgeOrder(commits, sends)
}

function noteOpen(call: SystemCall, synced: Set<number>): void {
  const fd = Number(/^\d+/.exec(call.result)?.[0] ?? -1)
  if (/\bO_DSYNC\b|\bO_SYNC\b/.test(call.text)) synced.add(fd)
  else synced.delete(fd)
}

function judgeOrder(
  commits: readonly { readonly end: number; readonly batches: number }[],
  sends: readonly SystemCall[],
): Figures {
  const figures: Figures = { commits: commits.length, batches: 0, acknowledged: 0, frames: 0 }
  for (const { batches } of commits) figures.batches += batches
  for (const send of sends) {
    const acknowledged = acknowledgementsIn(bytesOf(send.text))
    if (acknowledged === 0) continue
    figures.frames++
    figures.acknowledged += acknowledged
    const onDisk = commits.filter(({ end }) => end < send.start).reduce((sum, { batches }) => sum + batches, 0)
    if (onDisk >= figures.acknowledged) continue
    throw new Error(
      `line ${send.start + 1} of the trace acknowledges batch ${figures.acknowledged}; ` +
        `the writes that returned before it hold ${onDisk}`,
    )
  }
  return figures
}

async function produce(port: number): Promise<void> {
  const client = await connect({ server: `127.0.0.1:${port}` })
  await client.admin().createTopic({ name: 'traced', partitions: 2 })
  const producer = client.producer({ lingerMs: 0 })
  for (let count = 0; count < recordCount; ) {
    const sent: Promise<unknown>[] = []
    for (let burst = 0; burst < 1 + (count % 7); burst++) {
      const partition = count++ % 2
      sent.push(producer.send({ topic: 'traced', partition, value: Buffer.from(`record ${count}`) }))
    }
    await Promise.all(sent)
  }
  await producer.close()
  await client.close()
}

/** Throws when an acknowledgement came too early. */
async function traceBroker(isCanary: boolean): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-trace-'))
  const tracePath = join(folder, 'trace')
  const port = await freePort()
  const environment = { STREAMBUS_TEST_SIDE_FILE: join(folder, 'side'), STREAMBUS_TEST_NO_DSYNC: '1' }
  const broker = new BrokerProcess(
    {
      dataFolder: join(folder, 'data'),
      port,
      shards: 1,
      journalMemoryBytes: 4 << 20,
      ...(isCanary ? { diskModule } : {}),
    },
    isCanary ? environment : {},
    // -D: the broker stays our child, so that signals reach it.
    ['strace', '-D', '-f', '-y', '-xx', '-s', '65536', '-o', tracePath, '-e', `trace=${calls}`],
  )
  try {
    await broker.ready
    await produce(port)
  } finally {
    await broker.stop()
  }
  try {
    return judge(readTrace(tracePath))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function expectCanaryCaught(): Promise<void> {
  let caught = ''
  try {
    await traceBroker(true)
  } catch (error) {
    caught = error instanceof Error ? error.message : String(error)
  }
  if (!caught.includes('without O_DSYNC')) throw new Error(`the canary was not caught: ${caught}`)
  console.log(`trace:sync: the canary was caught: ${caught}`)
}

async function main(): Promise<void> {
  if (spawnSync('strace', ['-V']).status !== 0) {
    console.log('trace:sync: strace is missing; get it with: apt-get install strace. Nothing was traced.')
    return
  }
  const figures = await traceBroker(false)
  if (figures.acknowledged === 0 || figures.commits === 0) throw new Error('the trace shows no acknowledgement')
  console.log(
    `trace:sync: ${figures.acknowledged} acknowledgements in ${figures.frames} frames, each after the return of the ` +
      `O_DSYNC write that holds it; ${figures.commits} commits with ${figures.batches} batches`,
  )
  await expectCanaryCaught()
}

checkOptions('npm run trace:sync: a broker under strace, and a canary that must be caught; it has no options')
try {
  await main()
} catch (error) {
  console.error(`trace:sync: FAILED: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
