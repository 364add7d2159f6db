/**
 * A data folder whose broker is killed under load again and again and never stopped, and how long the next one takes.
 * Runs on: main. Touches: a data folder, processes.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../src/client/index.js'
import { end, pause, runTool, start } from './processes.js'
import type { ServerProcess } from './server-process.js'

export interface CrashedPlace {
  readonly folder: string
  /** Of records, made once. */
  readonly gigabytes: number
  readonly root: string
}

const partitionCount = 1000
const recordBytes = 1024
const topic = 'crashed'
/** The disk must have room for journals, indexes and what else is measured. */
const roomFactor = 3
const gigabyte = 1e9
const slowestBytesPerSecond = 5e6
const besidesSeconds = 30
/** Load before each kill: long enough that commits are under way. */
const loadMs = 1500

export class CrashedFolder {
  private isMade = false

  private readonly place: CrashedPlace
  private readonly startServer: (folder: string) => Promise<ServerProcess>

  constructor(place: CrashedPlace, startServer: (folder: string) => Promise<ServerProcess>) {
    this.place = place
    this.startServer = startServer
  }

  async measureStart(): Promise<{ readyMs: number; dataGiB: number }> {
    const { folder } = this.place
    mkdirSync(folder, { recursive: true })
    if (!this.isMade) await this.make()
    await this.crash()
    const server = await this.startServer(folder)
    await server.stop('SIGKILL')
    return { readyMs: server.readyMs, dataGiB: sizeBytesOf(folder) / 2 ** 30 }
  }

  private async make(): Promise<void> {
    const { folder, gigabytes } = this.place
    const wantedBytes = gigabytes * gigabyte
    const { bavail, bsize } = statfsSync(folder)
    if (bavail * bsize < wantedBytes * roomFactor) {
      const free = Math.round((bavail * bsize) / gigabyte)
      throw new Error(`${folder} has ${free} GB free; ${gigabytes} GB of data need ${gigabytes * roomFactor}`)
    }
    const server = await this.startServer(folder)
    try {
      const client = await connect({ servers: [server.address], clientName: 'bench-all' })
      await client.admin().createTopic({ name: topic, partitions: partitionCount })
      await client.close()
      const limitMs = performance.now() + (besidesSeconds + wantedBytes / slowestBytesPerSecond) * 1000
      for (let size = 0; size < wantedBytes; size = sizeBytesOf(folder)) {
        if (performance.now() > limitMs) throw new Error(`only ${size} of ${wantedBytes} bytes were written in time`)
        await runTool(process.execPath, this.load(server, 2))
      }
    } finally {
      // A clean stop would store the producers, and the start would not have to read who they are.
      await server.stop('SIGKILL')
    }
    this.isMade = true
  }

  private async crash(): Promise<void> {
    const server = await this.startServer(this.place.folder)
    let load: ChildProcess | undefined
    try {
      load = start(process.execPath, this.load(server, 60))
      await pause(loadMs)
    } finally {
      await server.stop('SIGKILL')
      if (load !== undefined) await end(load, 'SIGKILL')
    }
  }

  private load(server: ServerProcess, seconds: number): string[] {
    const shape = [
      '--topic',
      topic,
      '--record-bytes',
      recordBytes,
      '--batch-bytes',
      65_536,
      '--no-verify',
      '--seconds',
      seconds,
    ]
    const program = [join(this.place.root, 'bin/streambus.js'), 'bench', 'produce']
    return [...program, ...shape.map(String), '--json', '--server', server.address]
  }
}

function sizeBytesOf(folder: string): number {
  let sizeBytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith('.log')) sizeBytes += statSync(join(entry.parentPath, entry.name)).size
  }
  return sizeBytes
}
