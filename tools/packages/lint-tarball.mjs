/**
 * What publint and arethetypeswrong say of a packed package.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { root } from '../prepare.mjs'
import { run } from './sample-project.mjs'

/** @returns {Promise<string[]>} one text a problem; a suggestion counts as one */
export async function lintTarball(file) {
  return [...(await publintProblems(file)), ...typeProblems(file)]
}

async function publintProblems(file) {
  const bytes = readFileSync(file)
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`)
}

/**
 * The packages are ES modules only: Node.js loads them with require() too (a check proves it), so the profile leaves
 * out what a compiler for older versions would say about require().
 */
function typeProblems(file) {
  const cli = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  try {
    run(process.execPath, [cli, file, '--profile', 'esm-only', '--no-color', '--no-emoji'])
    return []
  } catch (error) {
    return [`arethetypeswrong: ${error.message}`]
  }
}
