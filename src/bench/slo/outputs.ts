/**
 * The files that a report is written to.
 * Runs on: main. Touches: these files.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { htmlPage } from './html/page.js'
import { junitXml } from './junit.js'
import type { SloReport } from './slo-report.js'

export interface OutputFiles {
  readonly save?: string | undefined
  readonly junit?: string | undefined
  readonly html?: string | undefined
}

const makers: Readonly<Record<keyof OutputFiles, (report: SloReport) => string>> = {
  save: (report) => `${JSON.stringify(report, undefined, 1)}\n`,
  junit: junitXml,
  html: htmlPage,
}

function entries(files: OutputFiles): [keyof OutputFiles, string][] {
  const names = Object.keys(makers) as (keyof OutputFiles)[]
  return names.flatMap((name): [keyof OutputFiles, string][] => {
    const path = files[name]
    return path === undefined ? [] : [[name, path]]
  })
}

/** Before minutes are spent on what then can't be kept. Throws USAGE. */
export function checkOutputs(files: OutputFiles): void {
  for (const [name, path] of entries(files)) {
    try {
      closeSync(openSync(path, 'a'))
    } catch (cause) {
      const { code } = cause as { code?: string }
      const why = code === 'ENOENT' ? 'its folder does not exist' : `it can't be written (${code})`
      throw new StreamBusError('USAGE', `--${name} ${path}: ${why}`, { cause, remedy: 'Check the path.' })
    }
  }
}

/** The paths that were written. */
export function writeOutputs(files: OutputFiles, report: SloReport): string[] {
  return entries(files).map(([name, path]) => {
    writeFileSync(path, makers[name](report))
    return path
  })
}
