/**
 * The single executable's first code: the command line, and `--licenses`, since there are no files beside it to read.
 * Runs on: main.
 */
import { main } from '../../../src/cli/main.ts'
import { textAsset } from './assets.cjs'

const args = process.argv.slice(2)
if (args[0] === '--licenses') process.stdout.write(textAsset('licenses.txt'))
else void main(args)
