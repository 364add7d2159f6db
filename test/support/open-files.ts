/**
 * The files that a process has open, as Linux tells them.
 * Runs on: the process of a test or long run. Touches: /proc (reads).
 */
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface OpenFile {
  readonly descriptor: number
  /** Of a socket, pipe or the like what Linux calls it: `socket:[4026]`. */
  readonly path: string
  /** It has no name any more; its space is free once nobody has it open. */
  readonly isRemoved: boolean
  readonly isReadOnly: boolean
  /** Past the page cache. */
  readonly isDirect: boolean
}

const removedSuffix = ' (deleted)'

/** Those at whose path `isWanted` looks, of a process with all its threads. */
export function openFilesOf(isWanted: (path: string) => boolean, pid: number | 'self' = 'self'): OpenFile[] {
  const folder = `/proc/${pid}`
  return readdirSync(`${folder}/fd`).flatMap((name) => {
    try {
      const target = readlinkSync(`${folder}/fd/${name}`)
      const isRemoved = target.endsWith(removedSuffix)
      const path = isRemoved ? target.slice(0, -removedSuffix.length) : target
      if (!isWanted(path)) return []
      const info = readFileSync(`${folder}/fdinfo/${name}`, 'latin1')
      const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)![1]!, 8)
      const isReadOnly = (flags & (constants.O_WRONLY | constants.O_RDWR)) === 0
      return [{ descriptor: Number(name), path, isRemoved, isReadOnly, isDirect: (flags & constants.O_DIRECT) !== 0 }]
    } catch {
      // Closed between the look at the folder and this one.
      return []
    }
  })
}
