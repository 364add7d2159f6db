/**
 * Bundles a program that uses streambus-client for browsers, without polyfills, and runs the bundle where nothing of
 * Node.js is to be had: other names hide its globals, and WebSocket is there as in browsers. Real browsers have tests
 * of their own (test/browser).
 */
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../prepare.mjs'

/** Minified: whole, and as a server sends it. */
const maxBytes = 120_000
const maxGzipBytes = 40_000

const hidden = ['process', 'Buffer', 'global', 'require', 'setImmediate', 'clearImmediate']

const surroundings = (server) => `
import WebSocket from ${JSON.stringify(join(root, 'node_modules/ws/wrapper.mjs'))}
globalThis.WebSocket = WebSocket
globalThis.STREAMBUS_SERVER = ${JSON.stringify(server)}
await import('./bundle.js')
// A page lives on; this process would too, for the message channel of the bundle.
process.exit()
`

/** @param {import('./sample-project.mjs').SampleProject} project has client.mjs and the package */
export async function checkBrowserBundle(project, server) {
  const { metafile } = await build({
    absWorkingDir: project.folder,
    entryPoints: ['client.mjs'],
    outfile: 'bundle.js',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    metafile: true,
    logLevel: 'silent',
    banner: { js: hidden.map((name) => `const ${name} = undefined;`).join('') },
    define: { 'process.env.STREAMBUS_SERVER': 'globalThis.STREAMBUS_SERVER' },
  })
  const inputs = Object.keys(metafile.inputs).sort()
  const wanted = ['client.mjs', 'node_modules/streambus-client/dist/browser.js']
  if (inputs.join() !== wanted.join()) throw new Error(`the bundle for browsers holds ${inputs.join(', ')}`)
  const bytes = readFileSync(join(project.folder, 'bundle.js'))
  const gzipBytes = gzipSync(bytes, { level: 9 }).length
  console.log(`streambus-client for browsers: ${bytes.length} bytes minified, ${gzipBytes} of them after gzip`)
  if (bytes.length > maxBytes || gzipBytes > maxGzipBytes) {
    throw new Error(`the bundle may have ${maxBytes} bytes, ${maxGzipBytes} after gzip`)
  }
  project.write('browser.mjs', surroundings(server))
  const output = project.node(['browser.mjs'])
  if (!output.includes('0 k from the client')) throw new Error(`the bundle for browsers printed ${output}`)
}
