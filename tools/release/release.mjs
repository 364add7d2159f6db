/**
 * `npm run release`: makes everything that a release consists of in release/, and publishes nothing. It asks for a
 * clean tree whose files agree on the version; `-- --version 1.2.3` makes sure that it is that one. `-- --trial` does
 * without a clean tree and without the executable, and removes what it made: to see that a release would work.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildExecutable } from '../executable/build.mjs'
import { withFolder } from '../packages/sample-project.mjs'
import { buildAndPack, releaseFolder, sha256Of } from '../packages/pack.mjs'
import { prepare, root } from '../prepare.mjs'
import { billsOfMaterials } from './sbom.mjs'
import { changelogEntry, versionProblems } from './versions.mjs'

const machinePaths = [root, process.env.HOME].filter((path) => path !== undefined && path.length > 1)

async function release(folder, version, isTrial) {
  const { date, text } = changelogEntry(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)
  const files = (await buildAndPack(folder)).map((tarball) => tarball.file)
  const write = (name, content) => {
    files.push(join(folder, name))
    writeFileSync(join(folder, name), content)
  }
  for (const { name, text: bill } of billsOfMaterials(version, date)) write(name, withoutMachine(name, bill))
  write('RELEASE_NOTES.md', `# StreamBus ${version}\n\n${text}\n`)
  if (!isTrial) {
    const executable = join(folder, `streambus-${version}-${process.platform}-${process.arch}`)
    renameSync(await buildExecutable(folder), executable)
    files.push(executable)
  }
  const sums = files.map((file) => `${sha256Of(file)}  ${basename(file)}\n`).sort()
  writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''))
  process.stdout.write(sums.join(''))
}

/** Others get to see it. */
function withoutMachine(name, text) {
  const found = [...machinePaths, 'registry.'].filter((part) => text.includes(part))
  if (found.length > 0) throw new Error(`${name} names ${found.join(', ')}`)
  return text
}

function treeProblems() {
  const { status, stdout } = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' })
  if (status !== 0) return ['git can not tell whether the tree is clean']
  return stdout === '' ? [] : [`the tree is not clean:\n${stdout.trimEnd()}`]
}

function nextSteps(version) {
  return `
release/ holds StreamBus ${version}. Nothing was published. Next, by hand:

  .ci/run                                             everything passes on this tree
  git tag -s v${version} && git push origin v${version}
  npm publish release/streambus-client-${version}.tgz
  npm publish release/streambus-${version}.tgz
  and a release of the tag with RELEASE_NOTES.md as its text and the other files attached`
}

async function main() {
  const options = { version: { type: 'string' }, trial: { type: 'boolean', default: false } }
  const { values } = parseArgs({ options })
  prepare([])
  const version = values.version ?? JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
  const problems = [...versionProblems(root, version), ...(values.trial ? [] : treeProblems())]
  if (problems.length > 0) {
    for (const problem of problems) console.error(`release: ${problem}`)
    process.exitCode = 1
    return
  }
  if (values.trial) return withFolder((folder) => release(folder, version, true))
  rmSync(releaseFolder, { recursive: true, force: true })
  mkdirSync(releaseFolder)
  await release(releaseFolder, version, false)
  console.log(nextSteps(version))
}

await main()
