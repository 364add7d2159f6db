/**
 * In the single executable: what was put into it, by name, and native code out of it.
 * Runs on: every thread of the executable.
 *
 * The system loads native code from files only. Each is written to a private folder, loaded, and removed at once: what
 * is loaded stays.
 */
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { getAsset, getRawAsset } = require('node:sea')
const { isMainThread } = process.getBuiltinModule('node:worker_threads')

/** @returns {string} */
function textAsset(name) {
  return getAsset(name, 'utf8')
}

/** @returns {Uint8Array} for reading only */
function bytesAsset(name) {
  return new Uint8Array(getRawAsset(name))
}

/** Writes an asset to a private folder, under `path` in it; returns the folder. Throws what the system says. */
function unpack(name, path) {
  const folder = privateFolder()
  try {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, path), bytesAsset(name), { mode: 0o700 })
    return folder
  } catch (error) {
    remove(folder)
    throw error
  }
}

function privateFolder() {
  try {
    return mkdtempSync(join(tmpdir(), 'streambus-'))
  } catch (error) {
    if (isMainThread) {
      process.emitWarning(
        `native code can't be unpacked (${error.message}); StreamBus goes on without it, slower. ` +
          'Set TMPDIR to a folder that can be written to.',
      )
    }
    throw error
  }
}

function remove(folder) {
  rmSync(folder, { recursive: true, force: true })
}

/** What the native code of that file exports. Throws what the loader says. */
function loadFile(path) {
  const loaded = { exports: {} }
  process.dlopen(loaded, path)
  return loaded.exports
}

/** What the native code that was put in as `NAME.node` exports. */
function loadNative(name) {
  const folder = unpack(`${name}.node`, 'native.node')
  try {
    return loadFile(join(folder, 'native.node'))
  } finally {
    remove(folder)
  }
}

module.exports = { bytesAsset, loadFile, loadNative, remove, textAsset, unpack }
