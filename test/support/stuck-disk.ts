/**
 * A disk whose writes do not return while the file that STREAMBUS_TEST_STUCK names is there.
 * Runs on: every worker of a broker that is given it as diskModule.
 */
import { existsSync } from 'node:fs'
import { createDisk as createRealDisk, type Disk } from '../../workers/shared/disk.js'

const path = process.env['STREAMBUS_TEST_STUCK'] ?? ''
const word = new Int32Array(new SharedArrayBuffer(4))

function waitWhileStuck(): void {
  while (path !== '' && existsSync(path)) Atomics.wait(word, 0, 0, 5)
}

export function createDisk(): Disk {
  const disk = createRealDisk()
  return new Proxy(disk, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      const method = (member as (...args: unknown[]) => unknown).bind(target)
      if (name !== 'write' && name !== 'writev') return method
      return (...args: unknown[]) => {
        waitWhileStuck()
        return method(...args)
      }
    },
  })
}
