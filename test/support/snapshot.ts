/**
 * Texts that a person reads beside the test: what was printed is compared with a file. `--rewrite`, or
 * STREAMBUS_REWRITE=1, writes the files anew; a person reads the difference.
 * Runs on: the test process.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { root } from '../tidy/source-tree.js'

const rewrite = process.env['STREAMBUS_REWRITE'] === '1' || process.argv.includes('--rewrite')

/** `path` from the root of the tree. */
export function expectSnapshot(path: string, text: string): void {
  const file = join(root, path)
  const actual = `${text.trimEnd()}\n`
  if (rewrite) writeFileSync(file, actual)
  else expect(actual, path).to.equal(existsSync(file) ? readFileSync(file, 'utf8') : 'a file that is not there')
}
