/**
 * Declarations of several files rolled up into one: what users see of a package, and what they do not.
 * Runs on: the test process. Touches: a temporary folder.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { root } from '../../tidy/source-tree.js'

interface Rolled {
  readonly text: string
  readonly forgotten: readonly string[]
  readonly imported: readonly string[]
}

interface Tool {
  emitDeclarations(entries: readonly string[], rootDir: string, folder: string): unknown
  rollUp(entry: string, emitted: unknown, memberDocs?: Record<string, Record<string, string>>): Rolled
}

const sources = {
  'index.ts': `
/**
 * First comment of the file. Runs on: anything.
 */
import type { Deep } from './inner/deep.js'
import { table } from './inner/deep.js'
export { Inner as Shown } from './inner/deep.js'

/** What it is. */
export class Made implements Deep {
  readonly id = 1
  #hidden = 2
  private readonly secret: string
  /** @internal */
  forOurselves(): void {}
  constructor(deep: Deep) { this.secret = String(deep.id + this.#hidden) }
  /** Says it. */
  say(): string { return this.secret }
}

/** The names. */
export type Name = keyof typeof table

/** The values. */
export type Values = { readonly [Key in Name]: (typeof table)[Key] extends number ? number : string }
`,
  'leaky.ts': `
import type { Deep } from './inner/deep.js'
export function leak(): Deep | undefined { return undefined }
export interface Disposing { [Symbol.asyncDispose](): Promise<void> }
`,
  'inner/deep.ts': `
export interface Deep { readonly id: number }
export interface Inner { readonly other?: Inner }
export const table = { one: 1, two: 'b' } as const
`,
}

describe('rolled-up declarations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-declarations-'))
  let tool: Tool
  let emitted: unknown

  before(async function () {
    this.timeout(30_000)
    tool = (await import(`${root}/tools/packages/declarations.mjs`)) as Tool
    for (const [path, text] of Object.entries(sources)) {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    emitted = tool.emitDeclarations(['index.ts', 'leaky.ts'], folder, join(folder, 'out'))
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('hold what is exported, under the name that it is exported by, with its comment', () => {
    const { text, forgotten, imported } = tool.rollUp('index.ts', emitted)
    expect(text).to.contain('/** What it is. */\nexport declare class Made {')
    expect(text).to.contain('/** Says it. */\n    say(): string;')
    expect(text).to.match(/export interface Shown \{\s+readonly other\?: Shown;/)
    expect(text).not.to.contain('First comment')
    expect(text.trimEnd()).to.match(/export \{\};$/)
    expect({ forgotten, imported }).to.deep.equal({ forgotten: [], imported: [] })
  })

  it('leave out private and internal members, and constructors and interfaces that users do not have', () => {
    const { text } = tool.rollUp('index.ts', emitted)
    expect(text).not.to.match(/secret|hidden|forOurselves|Deep|implements/)
    expect(text).to.contain('private constructor();')
    expect(text).to.contain('#private;')
  })

  it('tell types over tables as what they come to, with the comments that are given for their members', () => {
    const { text } = tool.rollUp('index.ts', emitted, { Values: { one: 'The first.' } })
    expect(text).to.contain('export type Name = "one" | "two";')
    expect(text).to.contain('/** The first. */\n    readonly one: number;\n    readonly two: string;')
    expect(text).not.to.contain('typeof')
  })

  it('name the types that a public declaration needs but the entry does not export', () => {
    expect(tool.rollUp('leaky.ts', emitted).forgotten).to.deep.equal(['Deep'])
  })

  it('bring the library of what is disposed by itself, which programs may not compile with', () => {
    expect(tool.rollUp('leaky.ts', emitted).text).to.match(/^\/\/\/ <reference lib="esnext.disposable" \/>/)
    expect(tool.rollUp('index.ts', emitted).text).not.to.contain('reference lib')
  })
})
