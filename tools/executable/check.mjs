/**
 * `npm run check:executable`: builds the single executable and uses it in an empty folder, on a machine that has, as
 * far as it can see, no Node.js: the environment is empty.
 */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare } from '../prepare.mjs'
import { run, start, withFolder } from '../packages/sample-project.mjs'
import { buildExecutable } from './build.mjs'
import { findNatives } from './natives.mjs'

const codecs = ['gzip', 'snappy', 'lz4', 'zstd']

class Machine {
  constructor(folder) {
    this.folder = folder
    this.home = join(folder, 'home')
    this.temporary = join(folder, 'temporary')
    for (const path of [this.home, this.temporary]) mkdirSync(path)
  }

  environment(more) {
    return { cwd: this.home, env: { TMPDIR: this.temporary, STREAMBUS_PORT: '0', ...more } }
  }
}

async function check(folder) {
  const machine = new Machine(folder)
  const executable = await buildExecutable(machine.home)
  const other = join(machine.home, 'streambus-cli')
  symlinkSync(executable, other)
  const version = run(executable, ['--version'], machine.environment())
  expect(/^\d+\.\d+\.\d+\n$/.test(version), `--version printed ${version}`)
  expect(run(executable, ['--help'], machine.environment()).startsWith('Usage: streambus '), '--help has another name')
  expect(run(other, ['--help'], machine.environment()).startsWith('Usage: streambus-cli '), '--help has another name')
  const licenses = run(executable, ['--licenses'], machine.environment())
  for (const name of ['StreamBus', 'Node.js v', 'etcd raft', 'commander 1', 'ws 8']) {
    expect(licenses.includes(name), `--licenses does not name ${name}`)
  }
  await checkBroker(machine, executable)
  await checkWithoutTemporaryFolder(machine, executable)
}

/** Records through a broker, a scrub in its job worker, and nothing left behind. */
async function checkBroker(machine, executable) {
  const environment = machine.environment({ STREAMBUS_SCRUB_INTERVAL_MS: '300' })
  const broker = await start(executable, ['broker'], /Ctrl-C stops/, environment)
  try {
    const server = serverOf(broker.text)
    const cli = (args, input) => run(executable, ['--server', server, ...args], { ...environment, input })
    cli(['topic', 'create', 'greetings'])
    cli(['produce', 'greetings'], 'Hello\nagain\n')
    const read = cli(['consume', 'greetings', '--until-end'])
    expect(read === 'Hello\nagain\n', `consume printed ${read}`)
    await sendPacked(server)
    const unpacked = cli(['consume', 'packed', '--until-end'])
    expect(
      unpacked === codecs.map((codec) => `by ${codec}\n`).join(''),
      `of packed records consume printed ${unpacked}`,
    )
    const measured = cli([
      'bench',
      'produce',
      '--rate',
      '500',
      '--seconds',
      '0.3',
      '--max-lateness',
      '1000',
      '--keys',
      '3',
    ])
    expect(/read back +all there, once and in order/.test(measured), `bench printed ${measured}`)
    await broker.says(/scrubbed \d+ segments/)
    if (findNatives().some(({ name }) => name === 'uws')) expect(/front end +uws/.test(broker.text), broker.text)
  } finally {
    const code = await broker.end('SIGTERM')
    expect(code === 0, `the broker ended with code ${code}`)
  }
  const left = readdirSync(machine.temporary)
  expect(left.length === 0, `it left ${left.join(', ')} in the temporary folder`)
  expect(readdirSync(machine.home).includes('data'), 'there is no data folder where it was started')
}

/** The executable has what unpacks them with it. */
async function sendPacked(server) {
  const { connect } = await import('../../dist/index.js')
  const client = await connect({ server })
  await client.admin().createTopic({ name: 'packed' })
  for (const compression of codecs) {
    const producer = client.producer({ compression })
    await producer.send({ topic: 'packed', value: `by ${compression}` })
    await producer.close()
  }
  await client.close()
}

/** Where native code can't be unpacked it does without, and says why. */
async function checkWithoutTemporaryFolder(machine, executable) {
  const occupied = join(machine.folder, 'a-file')
  writeFileSync(occupied, '')
  const broker = await start(executable, ['broker'], /Ctrl-C stops/, machine.environment({ TMPDIR: occupied }))
  try {
    expect(/front end +ws \(/.test(broker.text), broker.text)
    if (findNatives().length > 0) expect(broker.text.includes('Set TMPDIR'), broker.text)
    run(executable, ['--server', serverOf(broker.text), 'topic', 'list'], machine.environment())
  } finally {
    await broker.end('SIGTERM')
  }
}

function serverOf(screen) {
  return /ws:\/\/(\S+)/.exec(screen)[1]
}

function expect(condition, message) {
  if (!condition) throw new Error(`check:executable: ${message}`)
}

prepare(['dist'])
const startMs = performance.now()
await withFolder(check)
console.log(`check:executable: passed in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
