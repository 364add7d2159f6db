/**
 * snappy, lz4 and zstd in Node.js: by packages that are there or not, loaded when they are first used.
 * Runs on: main thread of clients. Touches: the module loader, once a package.
 *
 * What these libraries give is freed only when the event loop turns, and none of them takes a limit: the size is looked
 * at before. snappy copies its output, because memory from outside is five times slower to make than to copy.
 */
import { createRequire } from 'node:module'
import * as zlib from 'node:zlib'
import { isLz4FrameWithin, isZstdWithin, snappyUnpackedBytes } from '../../../native-free-core/log/unpacked-size.js'
import { xerialBlocks, xerialFrame } from '../../../native-free-core/log/xerial.js'
import type { Packer, PackerName } from './platform.js'

type PackageName = 'snappy' | 'lz4' | 'zstd'

/** What to install; the versions that are tested. */
const packages: Readonly<Record<PackageName, string>> = {
  snappy: 'snappy@7.4.3',
  lz4: 'lz4-napi@2.10.0',
  zstd: '@toondepauw/node-zstd@2.0.0',
}

interface Snappy {
  compressSync(input: Uint8Array, options: { copyOutputData: boolean }): Uint8Array
  uncompressSync(input: Uint8Array, options: { copyOutputData: boolean }): Uint8Array
}

interface Lz4 {
  compressFrameSync(data: Buffer): Uint8Array
  decompressFrameSync(data: Buffer): Uint8Array
}

interface Zstd {
  readonly Encoder: new (level: number) => { encodeSync(data: Buffer): Uint8Array }
  readonly Decoder: new () => { decodeSync(data: Buffer): Uint8Array }
}

/** Of Node.js 22.15 and later. */
interface ZlibWithZstd {
  zstdCompressSync?: (bytes: Uint8Array) => Uint8Array
  zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array
}

const zstdLevel = 3
const require = createRequire(import.meta.url)
const loaded = new Map<PackageName, Packer | undefined>()

const gzip: Packer = {
  pack: (bytes) => zlib.gzipSync(bytes, { level: zlib.constants.Z_BEST_SPEED }),
  unpack: boundedBy(zlib.gunzipSync),
}

export function nodePackerRemedy(name: PackerName): string {
  return name === 'gzip' ? 'See that this Node.js has zlib.' : `Install the package: npm install ${packages[name]}`
}

/** Undefined: its package is not installed. */
export function nodePacker(name: PackerName): Packer | undefined {
  if (name === 'gzip') return gzip
  if (!loaded.has(name)) loaded.set(name, load(name))
  return loaded.get(name)
}

function load(name: PackageName): Packer | undefined {
  try {
    if (name === 'snappy') return snappyPacker(require('snappy') as Snappy)
    if (name === 'lz4') return lz4Packer(require('lz4-napi') as Lz4)
    const { zstdCompressSync, zstdDecompressSync } = zlib as ZlibWithZstd
    if (zstdCompressSync !== undefined && zstdDecompressSync !== undefined) {
      return { pack: zstdCompressSync, unpack: boundedBy(zstdDecompressSync) }
    }
    return zstdPacker(require('@toondepauw/node-zstd') as Zstd)
  } catch {
    return undefined
  }
}

function snappyPacker({ compressSync, uncompressSync }: Snappy): Packer {
  const options = { copyOutputData: true }
  return {
    pack: (bytes) => xerialFrame(bytes, (block) => compressSync(block, options)),
    unpack: (bytes, maxBytes) => {
      const blocks = xerialBlocks(bytes)
      if (blocks.reduce((sum, block) => sum + snappyUnpackedBytes(block), 0) > maxBytes) return undefined
      const parts = blocks.map((block) => uncompressSync(block, options))
      return parts.length === 1 ? parts[0] : Buffer.concat(parts)
    },
  }
}

function lz4Packer({ compressFrameSync, decompressFrameSync }: Lz4): Packer {
  return {
    pack: (bytes) => compressFrameSync(bufferOf(bytes)),
    unpack: (bytes, maxBytes) => (isLz4FrameWithin(bytes, maxBytes) ? decompressFrameSync(bufferOf(bytes)) : undefined),
  }
}

function zstdPacker({ Encoder, Decoder }: Zstd): Packer {
  const encoder = new Encoder(zstdLevel)
  const decoder = new Decoder()
  return {
    pack: (bytes) => encoder.encodeSync(bufferOf(bytes)),
    unpack: (bytes, maxBytes) => (isZstdWithin(bytes, maxBytes) ? decoder.decodeSync(bufferOf(bytes)) : undefined),
  }
}

/** With zlib's own limit. */
function boundedBy(unpack: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array): Packer['unpack'] {
  return (bytes, maxBytes) => {
    try {
      return unpack(bytes, { maxOutputLength: maxBytes })
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined
      throw error
    }
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
