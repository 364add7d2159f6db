/**
 * The data folder of a broker that is to leave nothing behind.
 * Runs on: main. Touches: one folder of its own below the system's temporary folder.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class TemporaryFolder {
  readonly path: string
  /** A program that ends without closing its broker: most test runs that fail. */
  private readonly removeAtExit = (): void => rmSync(this.path, { recursive: true, force: true })

  private constructor(path: string) {
    this.path = path
    process.on('exit', this.removeAtExit)
  }

  static make(): TemporaryFolder {
    return new TemporaryFolder(mkdtempSync(join(tmpdir(), 'streambus-')))
  }

  /** Call when nothing writes into it any more. */
  async remove(): Promise<void> {
    process.off('exit', this.removeAtExit)
    await rm(this.path, { recursive: true, force: true })
  }
}
