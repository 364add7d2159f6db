/**
 * The native code that the single executable takes along, as far as it exists for this system and this Node.js. The
 * executable does without what is missing.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../prepare.mjs'

const { platform, arch, versions } = process

/** Whether the C library is musl. */
const isMusl = process.report.getReport().header.glibcVersionRuntime === undefined && platform === 'linux'
const libc = platform === 'linux' ? (isMusl ? '-musl' : '-gnu') : platform === 'win32' ? '-msvc' : ''

const candidates = [
  {
    name: 'uws',
    folder: 'node_modules/uWebSockets.js',
    file: `binaries/uws_${platform}_${arch}_${versions.modules}.node`,
    without: 'the WebSocket server is ws',
  },
  {
    name: 'koffi',
    folder: `node_modules/@koromix/koffi-${platform}-${arch}`,
    file: `${isMusl ? 'musl' : platform}_${arch}/koffi.node`,
    without: 'shards are not pinned to cores',
  },
  {
    name: 'crc32',
    folder: `node_modules/@node-rs/crc32-${platform}-${arch}${libc}`,
    file: `crc32.${platform}-${arch}${libc}.node`,
    without: 'checksums are made in JavaScript',
  },
  {
    name: 'snappy',
    folder: `node_modules/@napi-rs/snappy-${platform}-${arch}${libc}`,
    file: `snappy.${platform}-${arch}${libc}.node`,
    without: 'records packed with snappy can not be read',
  },
  {
    name: 'lz4',
    folder: `node_modules/@antoniomuso/lz4-napi-${platform}-${arch}${libc}`,
    file: `lz4-napi.${platform}-${arch}${libc}.node`,
    without: 'records packed with lz4 can not be read',
  },
  {
    name: 'zstd',
    folder: `node_modules/@toondepauw/node-zstd-${platform}-${arch}${libc}`,
    file: `node-zstd.${platform}-${arch}${libc}.node`,
    without: 'records packed with zstd can be read only if this Node.js has zstd',
  },
  {
    name: 'bufferutil',
    folder: 'node_modules/bufferutil',
    file: `prebuilds/${platform}-${arch}/bufferutil.node`,
    without: 'frames are masked in JavaScript',
  },
]

/** @returns {{ name: string, folder: string, path: string }[]} of those that exist */
export function findNatives() {
  const natives = candidates.map(({ name, folder, file }) => ({ name, folder, path: join(root, folder, file) }))
  return natives.filter(({ path }) => existsSync(path))
}

/** @returns {string[]} for each that does not exist what that means */
export function missingNatives() {
  const missing = candidates.filter(({ folder, file }) => !existsSync(join(root, folder, file)))
  return missing.map(({ folder, file, without }) => `there is no ${folder}/${file}: ${without}`)
}
