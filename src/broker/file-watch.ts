/**
 * Tells when files change, however they are replaced: written in place, renamed over, or behind a link that is turned.
 * Runs on: main. Touches: what the system knows of the files, and of their folders.
 * The folder is watched, because a renamed file is another file. Where watching is not to be had (network file systems,
 * too many watches, links into other folders) the look every few seconds finds the change all the same.
 */
import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

const pollIntervalMs = 5000
/** Whoever writes two files is done with both by then. */
const settleMs = 200

export class FileWatch {
  private readonly files: readonly string[]
  private readonly onChange: () => void
  private readonly watchers: FSWatcher[] = []
  private readonly poll: NodeJS.Timeout
  private settling: NodeJS.Timeout | undefined
  private isStopped = false
  private known: string

  /** `known`: what signatureOf told before the files were read, so that no change since then is missed. */
  constructor(files: readonly string[], known: string, onChange: () => void, intervalMs = pollIntervalMs) {
    this.files = files
    this.known = known
    this.onChange = onChange
    for (const folder of new Set(files.map((file) => dirname(resolve(file))))) this.watchFolder(folder)
    this.poll = setInterval(() => void this.look(), intervalMs).unref()
    void this.look()
  }

  private watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.settle())
      watcher.on('error', () => watcher.close())
      this.watchers.push(watcher)
    } catch {
      // Then the poll finds it.
    }
  }

  private settle(): void {
    clearTimeout(this.settling)
    this.settling = setTimeout(() => void this.look(), settleMs).unref()
  }

  private async look(): Promise<void> {
    const found = await signatureOf(this.files)
    if (this.isStopped || found === this.known) return
    this.known = found
    this.onChange()
  }

  stop(): void {
    this.isStopped = true
    clearInterval(this.poll)
    clearTimeout(this.settling)
    for (const watcher of this.watchers) watcher.close()
  }
}

/** Differs when one of the files was changed or replaced. */
export async function signatureOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(signatureOfOne))).join(' ')
}

async function signatureOfOne(file: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(file)
    return `${mtimeMs}:${ctimeMs}:${size}:${ino}`
  } catch {
    return 'none'
  }
}
