/**
 * Serves the topic viewer on loopback: this folder, and the client's bundle from dist/. PORT is 8080 if it is not set.
 *
 *   node examples/browser/serve.mjs
 */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** Nothing else is served. */
const files = {
  '/': ['text/html', here('index.html')],
  '/viewer.css': ['text/css', here('viewer.css')],
  '/viewer.js': ['text/javascript', here('viewer.js')],
  '/streambus.js': ['text/javascript', here('../../dist/client/browser.js')],
}

const server = createServer((request, response) => {
  const [type, path] = files[request.url.split('?')[0]] ?? []
  if (path === undefined) return response.writeHead(404).end('There is no such page.\n')
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' })
  createReadStream(path)
    .on('error', (error) => response.end(`// ${error.message}: run npm run build\n`))
    .pipe(response)
})

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${server.address().port}`
  console.log(`The viewer is at ${origin}; the broker must allow that page:`)
  console.log(`  streambus-cli broker config set allowedOrigins=${origin}`)
})
