/**
 * In the single executable: `node:module`, whose `createRequire` finds what was put in instead of a folder of packages.
 * Runs on: every thread of the executable.
 */
const { loadFile, loadNative, remove, unpack } = require('./assets.cjs')

const natives = {
  koffi: 'koffi',
  '@node-rs/crc32': 'crc32',
  snappy: 'snappy',
  'lz4-napi': 'lz4',
  '@toondepauw/node-zstd': 'zstd',
}
const uwsManifest = 'uWebSockets.js/package.json'

function embeddedRequire(id) {
  if (id === 'ws') return require('ws')
  if (id === 'pino') return require('pino')
  if (id in natives) return loadNative(natives[id])
  if (id.endsWith('.node')) return loadUws(id)
  throw Object.assign(new Error(`this executable does not hold ${id}`), { code: 'MODULE_NOT_FOUND' })
}

/** The front end looks for its binary in the folder of its package: there is one for as long as it takes to load it. */
embeddedRequire.resolve = (id) => {
  if (id !== uwsManifest) throw Object.assign(new Error(`no ${id}`), { code: 'MODULE_NOT_FOUND' })
  uwsFolder ??= unpackUws()
  return `${uwsFolder}/package.json`
}

let uwsFolder

function unpackUws() {
  const { platform, arch, versions } = process
  process.once('exit', removeUws)
  return unpack('uws.node', `binaries/uws_${platform}_${arch}_${versions.modules}.node`)
}

function removeUws() {
  if (uwsFolder !== undefined) remove(uwsFolder)
  uwsFolder = undefined
}

function loadUws(path) {
  try {
    return loadFile(path)
  } finally {
    removeUws()
  }
}

module.exports = { ...process.getBuiltinModule('node:module'), createRequire: () => embeddedRequire }
