/**
 * Adds to package-lock.json the optional packages of other platforms that the registry in use did not offer when the
 * lock was made. Without them `npm ci` refuses the lock ("Missing: ... from lock file") and another platform would not
 * get its binary. Run after every `npm install` that changes the lock. `--check` changes nothing and fails if some are
 * missing. Plain JavaScript with Node's own modules only.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const lockPath = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json')

/** A platform package's name ends with its system, processor and C library: `linux-arm64-musl`. */
const platformPattern =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(gnu|musl))?/

/** @returns {string[]} names of the optional packages that were added to the parsed lock */
export function completeLock(lock) {
  const added = []
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformPattern.exec(name)
      if (platform === null || `node_modules/${name}` in lock.packages) continue
      lock.packages[`node_modules/${name}`] = platformEntry(version, entry, platform)
      added.push(name)
    }
  }
  return added
}

function platformEntry(version, parent, [, os, cpu, libc]) {
  return {
    version,
    cpu: [cpu],
    ...(parent.dev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc === 'gnu' ? 'glibc' : 'musl'] }),
    ...(parent.license === undefined ? {} : { license: parent.license }),
    optional: true,
    os: [os],
  }
}

function sortByKey(packages) {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')))
}

function main() {
  const lock = JSON.parse(readFileSync(lockPath, 'utf8'))
  const added = completeLock(lock)
  if (process.argv.includes('--check')) {
    if (added.length > 0) console.error(`package-lock.json lacks ${added.join(', ')}: run node tools/complete-lock.mjs`)
    process.exitCode = added.length > 0 ? 1 : 0
    return
  }
  if (added.length > 0) {
    writeFileSync(lockPath, `${JSON.stringify({ ...lock, packages: sortByKey(lock.packages) }, null, 2)}\n`)
  }
  console.log(`complete-lock: ${added.length} packages of other platforms added`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
