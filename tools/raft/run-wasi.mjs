/**
 * Runs one test binary of Go in WebAssembly: `go test -exec "node run-wasi.mjs"` calls it with the binary's path.
 */
import { readFileSync } from 'node:fs'
import { WASI } from 'node:wasi'

const [, , path] = process.argv
const wasi = new WASI({
  version: 'preview1',
  args: process.argv.slice(2),
  env: { PWD: process.cwd(), GODEBUG: process.env.GODEBUG ?? '' },
  preopens: { '/': '/' },
  returnOnExit: true,
})
const module = await WebAssembly.compile(readFileSync(path))
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()))
