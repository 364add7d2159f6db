/**
 * The native code that the single executable takes along, as far as it exists for this system and this Node.js. The
 * executable does without what is missing, and says so where it matters.
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
    name: 'bufferutil',
    folder: 'node_modules/bufferutil',
    file: `prebuilds/${platform}-${arch}/bufferutil.node`,
    without: 'frames are masked in JavaScript',
  },
]

/** @returns {{ name: string, folder: string, path: string }[]} of those that exist; tells of the others on stderr */
export function findNatives() {
  return candidates.flatMap(({ name, folder, file, without }) => {
    const path = join(root, folder, file)
    if (existsSync(path)) return [{ name, folder, path }]
    console.error(`executable: there is no ${folder}/${file}: ${without}`)
    return []
  })
}
