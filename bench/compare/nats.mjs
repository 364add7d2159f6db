/**
 * NATS JetStream as a peer: one server with file storage from the Go module proxy, driven by `nats bench`. `default`
 * acknowledges before the disk has the message (sync_interval 2m); `always` syncs each.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, runTool, ServerProcess } from './processes.mjs'

const programs = {
  'nats-server': 'github.com/nats-io/nats-server/v2@v2.15.2',
  nats: 'github.com/nats-io/natscli/nats@v0.5.1',
}

export async function fetchNats(folder) {
  mkdirSync(folder, { recursive: true })
  for (const [name, source] of Object.entries(programs)) {
    if (existsSync(join(folder, name))) continue
    await runTool('go', ['install', source], { env: { ...process.env, GOBIN: folder } })
  }
  return folder
}

export class Nats {
  /** `sync`: 'default' or 'always'. */
  static async start(programFolder, folder, sync) {
    const port = await freePort()
    const config = join(folder, `nats-${sync}.conf`)
    const interval = sync === 'always' ? 'always' : '"2m"'
    const store = join(folder, `nats-data-${sync}`)
    const text = `listen: 127.0.0.1:${port}\njetstream { store_dir: "${store}", sync_interval: ${interval} }\n`
    writeFileSync(config, text)
    const server = await ServerProcess.start(join(programFolder, 'nats-server'), ['-c', config], port)
    return new Nats(server, join(programFolder, 'nats'), `nats://127.0.0.1:${port}`)
  }

  constructor(server, program, url) {
    this.server = server
    this.program = program
    this.url = url
  }

  run(args) {
    return runTool(this.program, ['-s', this.url, '--no-context', '--timeout=60s', ...args.map(String)])
  }

  /** The fastest way of the tool: batches, unsynced; atomic batches where each is synced. */
  async produce(how, recordBytes, recordCount) {
    const size = [`--size=${recordBytes}`, `--msgs=${recordCount}`, '--batch=500', '--clients=1', '--no-progress']
    const before = this.server.cpuSeconds()
    const out = await this.run(['bench', 'js', 'pub', how, 's1', '--create', '--maxbytes=16GB', ...size])
    const cpuSecondsPerMillion = ((this.server.cpuSeconds() - before) / recordCount) * 1e6
    await this.run(['stream', 'rm', '-f', 'benchstream'])
    const rates = [...out.matchAll(/stats: ([\d,.]+) msgs\/sec/g)]
    return { recordsPerSecond: Number(rates.at(-1)[1].replaceAll(',', '')), cpuSecondsPerMillion }
  }
}
