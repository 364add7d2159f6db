/**
 * What the Containerfile builds, without containers: its stages in a temporary folder, the broker as its user.
 * `node tools/simulate-container.mjs` installs the packages as the Containerfile does; with `--link` it takes those of
 * this clone, which is quick. Prints what it saw; ends with 1 when something is not as it should be.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installs = { 'npm ci': [], 'npm ci --omit=dev': ['--omit=dev'] }

/** @returns {{ name: string, steps: { word: string, rest: string }[] }[]} the stages, continuation lines joined */
export function stagesOf(text) {
  const stages = []
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, word, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    if (word === 'FROM') stages.push({ name: / AS (\w+)$/.exec(rest)?.[1] ?? 'image', steps: [] })
    else if (word !== undefined && stages.length > 0) stages.at(-1).steps.push({ word, rest })
  }
  return stages
}

/** Puts the stages together below `folder`; each is a root of its own there. */
export function buildStages(folder, { isLinked }) {
  const stages = stagesOf(readFileSync(join(root, 'Containerfile'), 'utf8'))
  for (const { name, steps } of stages) {
    let workdir = join(folder, name)
    for (const { word, rest } of steps) {
      if (word === 'WORKDIR') {
        workdir = join(folder, name, rest)
        mkdirSync(workdir, { recursive: true })
      } else if (word === 'COPY') copy(folder, workdir, rest)
      else if (word === 'RUN') run(folder, name, workdir, rest, isLinked)
    }
  }
  return stages
}

function copy(folder, workdir, rest) {
  const from = /^--from=(\w+) /.exec(rest)?.[1]
  const words = rest.replace(/^--from=\w+ /, '').split(' ')
  const target = join(workdir, words.at(-1))
  const sources = from === undefined ? contextFiles(words.slice(0, -1)) : words.slice(0, -1)
  for (const source of sources) {
    const path = from === undefined ? join(root, source) : join(folder, from, source)
    const isFolderTarget = words.at(-1).endsWith('/') || words.at(-1) === '.'
    const name = from === undefined ? source : source.split('/').at(-1)
    const to = isFolderTarget ? join(target, name) : target
    mkdirSync(dirname(to), { recursive: true })
    cpSync(path, to, { recursive: true, verbatimSymlinks: true })
  }
}

/** What git tracks: .dockerignore keeps the rest out. */
function contextFiles(sources) {
  if (sources[0] !== '.') return sources
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const names = listed.toString().split('\0')
  return names.filter((name) => name !== '' && existsSync(join(root, name)))
}

function run(folder, name, workdir, rest, isLinked) {
  const [first] = rest.split(' && ')
  const options = installs[first]
  if (options !== undefined) {
    if (isLinked) return symlinkSync(join(root, 'node_modules'), join(workdir, 'node_modules'))
    execFileSync('npm', ['ci', ...options, '--no-audit', '--no-fund'], { cwd: workdir, stdio: 'ignore' })
    return rmSync(join(workdir, 'node_modules/uWebSockets.js'), { recursive: true, force: true })
  }
  if (first.startsWith('install -d '))
    return mkdirSync(join(folder, name, first.split(' ').at(-1)), { recursive: true })
  execFileSync('sh', ['-c', rest], { cwd: workdir, stdio: 'ignore' })
}

/** What the last stage starts, with paths below its root and its user, where the system lets us be another. */
export function imageOf(folder, stages) {
  const { name, steps } = stages.at(-1)
  const imageRoot = join(folder, name)
  const inRoot = (path) => path.replace(/^\/(opt|var)\//, `${imageRoot}/$1/`)
  const value = (word) => steps.filter((step) => step.word === word).at(-1)?.rest ?? ''
  const [uid, gid] = value('USER').split(':').map(Number)
  const variables = value('ENV')
    .split(' ')
    .map((pair) => pair.split('='))
  return {
    root: imageRoot,
    command: [...JSON.parse(value('ENTRYPOINT')), ...JSON.parse(value('CMD'))].map(inRoot),
    health: JSON.parse(value('HEALTHCHECK').replace(/^.* CMD /, '')).map(inRoot),
    dataFolder: inRoot(value('VOLUME')),
    stopSignal: value('STOPSIGNAL'),
    environment: Object.fromEntries(variables.map(([key, text]) => [key, inRoot(text)])),
    user: process.getuid?.() === 0 ? { uid, gid } : {},
  }
}

/** Runs one of the image's commands; `until` ends the wait early, and leaves it running. */
export function runIn(image, command, environment, until) {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', ...image.environment, ...environment }
  const child = spawn(command[0], command.slice(1), { ...image.user, env, cwd: image.root })
  let output = ''
  return new Promise((resolve, reject) => {
    const take = (chunk) => {
      output += chunk
      if (until !== undefined && output.includes(until)) resolve({ child, output, exitCode: undefined })
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    child.on('exit', (exitCode) => resolve({ child, output, exitCode }))
  })
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(String(port)))
    })
  })
}

/** Everything: builds, starts without a word, starts as told, asks for its health, stops it. */
export async function simulate({ isLinked }) {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-container-'))
  try {
    chmodSync(folder, 0o755)
    const image = imageOf(folder, buildStages(folder, { isLinked }))
    mkdirSync(image.dataFolder, { recursive: true })
    if (image.user.uid !== undefined) execFileSync('chown', [`${image.user.uid}:${image.user.gid}`, image.dataFolder])
    const refused = await runIn(image, image.command, {})
    const port = await freePort()
    const told = { STREAMBUS_ALLOW_INSECURE: 'true', STREAMBUS_PORT: port, STREAMBUS_SHARDS: '1' }
    const unhealthy = await runIn(image, image.health, told)
    const broker = await runIn(image, image.command, told, 'is ready')
    if (broker.exitCode !== undefined) return { refused, unhealthy, broker }
    const healthy = await runIn(image, image.health, told)
    const ended = new Promise((resolve) => broker.child.once('exit', resolve))
    broker.child.kill(image.stopSignal)
    return { refused, unhealthy, broker, healthy, stopped: await ended }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { refused, unhealthy, healthy, broker, stopped } = await simulate({ isLinked: process.argv.includes('--link') })
  console.log(`without certificate, tokens or allowInsecure it ends with ${refused.exitCode}:\n${refused.output}`)
  console.log(`health before the start ${unhealthy.exitCode}, when ready ${healthy?.exitCode}; stopped with ${stopped}`)
  const isRight = refused.exitCode === 2 && unhealthy.exitCode === 1 && healthy?.exitCode === 0 && stopped === 0
  if (!isRight) console.error(broker.output)
  process.exitCode = isRight ? 0 : 1
}
