/**
 * What README.md prints is run as printed, against the real `npm start` on a port and folder of its own; and
 * a killed broker gives back what it acknowledged, for each `flush`.
 * Runs on: the test process; npm, brokers, commands and programs as processes of their own.
 */
import { expect } from 'chai'
import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { freePort } from '../chaos/broker-process.js'
import { blocksOf, consoleStepsOf } from '../docs/page-blocks.js'

interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The code blocks of a page in order; `language`: what follows the fence. */
function textsOf(page: string, language: string): string[] {
  const blocks = blocksOf(page, readFileSync(page, 'utf8'))
  return blocks.filter((block) => block.language === language).map(({ text }) => text)
}

describe('what the pages print', function () {
  this.timeout(60_000)
  let folder: string
  let environment: NodeJS.ProcessEnv
  let broker: ChildProcess
  let screen: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-readme-'))
    const port = await freePort()
    environment = {
      ...process.env,
      STREAMBUS_PORT: String(port),
      STREAMBUS_SERVER: `127.0.0.1:${port}`,
      STREAMBUS_DATA_FOLDER: join(folder, 'data'),
      STREAMBUS_PIN_SHARDS: 'false',
    }
    screen = await start()
  })

  after(async () => {
    broker.kill('SIGKILL')
    await gone(broker)
    rmSync(folder, { recursive: true, force: true })
  })

  /** `npm start`; resolves with its screen. */
  function start(): Promise<string> {
    broker = spawn('npm', ['start'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    return new Promise((resolve, reject) => {
      broker.stderr!.on('data', (bytes: Buffer) => (said += String(bytes)))
      broker.stdout!.on('data', (bytes: Buffer) => {
        said += String(bytes)
        if (said.includes('Ctrl-C stops the broker.')) resolve(said)
      })
      broker.on('exit', () => reject(new Error(`npm start ended: ${said}`)))
    })
  }

  function gone(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
    return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
  }

  /** The pid on the screen is the broker's own: npm and its shell stand above it. */
  function pidOn(text: string): number {
    return Number(/pid (\d+)/.exec(text)![1])
  }

  function run(command: string): Promise<Outcome> {
    const child = spawn('bash', ['-o', 'pipefail', '-c', command], { env: environment })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (bytes: Buffer) => (stdout += String(bytes)))
    child.stderr.on('data', (bytes: Buffer) => (stderr += String(bytes)))
    child.stdin.end()
    return new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr })))
  }

  async function succeed(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await run(command)
    expect(exitCode, `${command}\n${stderr}`).to.equal(0)
    return stdout
  }

  it('npm start shows the screen of the README, line by line', () => {
    const printed = readFileSync('docs/images/quick-start.txt', 'utf8')
    const labels = (text: string) => [...text.matchAll(/^ {2}(\w[\w ]*?) {2,}\S/gm)].map(([, label]) => label)
    expect(labels(printed)).to.have.lengthOf(7)
    expect(labels(screen)).to.deep.equal(labels(printed))
  })

  it('the commands of the picture print what it shows', async () => {
    const [, ...steps] = consoleStepsOf(readFileSync('docs/images/quick-start.txt', 'utf8'))
    expect(steps).to.have.lengthOf(3)
    for (const { command, output } of steps) {
      const { stdout, stderr } = await run(command)
      expect(`${stdout}${stderr}`, command).to.equal(`${output.join('\n').trimEnd()}\n`)
    }
  })

  it('the quick start works as printed', async () => {
    const block = textsOf('README.md', 'sh').find((text) => text.includes('topic create'))!
    const outputs: string[] = []
    for (const command of block.trim().split('\n')) outputs.push(await succeed(command))
    expect(outputs).to.deep.equal(['created topic my-topic with 10 partitions\n', '', 'Hello, StreamBus!\n'])
  })

  it('the wscat session of docs/protocol-json.md goes as printed', async () => {
    const block = textsOf('docs/protocol-json.md', 'text').find((text) => text.includes('npx wscat'))!
    const lines = block.split('\n').filter((line) => /^[<>] /.test(line))
    const socket = new WebSocket(`ws://${environment['STREAMBUS_SERVER']}`, 'streambus.json.v1')
    const answers = on(socket, 'message')
    await once(socket, 'open')
    const plain = (line: string) => line.replace(/"topicId":"\w+"/, '').replace(/"timestamp":\d{5,}/, '')
    for (const line of lines) {
      const text = line.slice(2)
      if (line.startsWith('>')) socket.send(text)
      else expect(plain(String((await answers.next()).value[0]))).to.equal(plain(text))
    }
    socket.close()
  })

  it('what was acknowledged is there after kill -9, for each flush; npm start then starts again', async () => {
    const flushes = ['commit', 'interval', 'os']
    const cli = `"${process.execPath}" bin/streambus.js`
    for (const flush of flushes) {
      await succeed(
        `${cli} topic create ${flush}-topic --config flush=${flush} && seq 1000 | ${cli} produce ${flush}-topic`,
      )
    }
    process.kill(pidOn(screen), 'SIGKILL')
    await gone(broker)
    screen = await start()
    for (const flush of flushes) {
      const values = await succeed(`${cli} consume ${flush}-topic --until-end`)
      expect(values.trim().split('\n'), flush).to.deep.equal(Array.from({ length: 1000 }, (_, index) => `${index + 1}`))
    }
  })

  it('a signal to npm start reaches the broker, which stops cleanly', async () => {
    const said: string[] = []
    broker.stderr!.on('data', (bytes: Buffer) => said.push(String(bytes)))
    broker.kill('SIGTERM')
    await gone(broker)
    expect(said.join('')).to.contain('stopped cleanly')
    expect(() => process.kill(pidOn(screen), 0), 'its process is gone').to.throw('ESRCH')
  })
})
