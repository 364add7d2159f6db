/**
 * The files of the repository and small readers over their text, for the tidy tests.
 * Runs on: the test process. Touches: the working tree, reading only.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder; this file runs from build/test/tidy. */
export const root = normalize(join(dirname(fileURLToPath(import.meta.url)), '../../..'))

const skippedFolders = new Set(['node_modules', 'build', 'dist', 'data', '.git', '.cache'])
const skippedPaths = new Set(['test/vectors'])

/** @returns paths relative to the root, with forward slashes, of the files whose name ends with one of `endings` */
export function listFiles(endings: readonly string[], folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      return skippedFolders.has(entry.name) || skippedPaths.has(path) ? [] : listFiles(endings, path)
    }
    return endings.some((ending) => entry.name.endsWith(ending)) ? [path] : []
  })
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function exists(path: string): boolean {
  return existsSync(join(root, path))
}

/** The path, from the root, of something named relative to a file. */
export function resolveFrom(file: string, target: string): string {
  return relative(root, join(root, dirname(file), target))
    .split(sep)
    .join('/')
}

/** `path:line: text` for each line that `isBad` picks. */
export function badLines(path: string, text: string, isBad: (line: string) => boolean): string[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => isBad(line))
    .map(({ line, number }) => `${path}:${number}: ${line.trim().slice(0, 100)}`)
}

const tokenPattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g

/** The code without comments and the insides of quoted strings; line numbers stay. */
export function codeOnly(text: string): string {
  return text.replace(tokenPattern, (token) => {
    if (token.startsWith('/')) return token.replace(/[^\n]/g, ' ')
    return token[0] + token[0]
  })
}
