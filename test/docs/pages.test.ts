/**
 * Every command, program and configuration that a page prints is run as printed, each page against a broker of its own.
 * Runs on: the test process; brokers, shells and programs as processes of their own.
 */
import { expect } from 'chai'
import { parse } from 'yaml'
import { type Block, blocksOf, consoleStepsOf, isAsPrinted } from './page-blocks.js'
import { type Outcome, PageRoom } from './page-room.js'
import { listFiles, readText } from '../tidy/source-tree.js'

/** What may stand behind a fence, and what is done with it. */
const languages = ['sh', 'console', 'js', 'ts', 'json', 'yaml', 'html', 'text'] as const
type Language = (typeof languages)[number]
const needsBroker: readonly string[] = ['sh', 'console', 'js', 'ts'] satisfies Language[]

/** Decisions tell what was thought at a time; they are not changed when commands are. */
const pages = listFiles(['.md']).filter((path) => !/^(docs\/decisions|test\/vectors)\//.test(path))

function isRun({ directive, language }: Block): boolean {
  return !directive.startsWith('not') && language !== 'text' && language !== 'html'
}

function expectExit(outcome: Outcome, block: Block): void {
  const wanted = Number(/^exit (\d+)$/.exec(block.directive)?.[1] ?? 0)
  expect(outcome.exitCode, `${block.page}:${block.line}\n${outcome.stdout}${outcome.stderr}`).to.equal(wanted)
}

async function runConsole(room: PageRoom, block: Block): Promise<void> {
  for (const { command, output } of consoleStepsOf(block.text)) {
    const { stdout, stderr } = await room.run(`{ ${command}\n} 2>&1 || true\n`)
    const printed = `${stdout}${stderr}`.replace(/\n$/, '').split('\n')
    const lines = printed.length === 1 && printed[0] === '' ? [] : printed
    const wanted = output.join('\n')
    expect(isAsPrinted(lines, output), `$ ${command}\nprints\n${printed.join('\n')}\nnot\n${wanted}`).to.equal(true)
  }
}

async function runBlock(room: PageRoom, block: Block): Promise<void> {
  const { language, text, directive } = block
  if (language === 'json') return void JSON.parse(text)
  if (language === 'yaml') return runYaml(room, block)
  if (language === 'console') return runConsole(room, block)
  if (language === 'js') return expectExit(await room.runProgram(text, 'mjs'), block)
  const until = /^until (.*)$/.exec(directive)?.[1]
  const outcome = await room.run(text, until)
  if (until === undefined) expectExit(outcome, block)
  else expect(`${outcome.stdout}${outcome.stderr}`).to.contain(until)
}

async function runYaml(room: PageRoom, block: Block): Promise<void> {
  parse(block.text)
  if (block.directive !== 'config') return
  const script = `cat > .page.yaml <<'END'\n${block.text}END\nstreambus config check .page.yaml\n`
  expectExit(await room.run(script), block)
}

describe('pages', () => {
  it('say the language of every block, and a reason for each that is not run', () => {
    const blocks = pages.flatMap((page) => blocksOf(page, readText(page)))
    expect(blocks.length).to.be.greaterThan(30)
    const place = ({ page, line, language }: Block): string => `${page}:${line} ${language}`
    const unnamed = blocks.filter(({ language }) => !(languages as readonly string[]).includes(language))
    expect(unnamed.map(place), `expected ${languages.join(', ')}`).to.deep.equal([])
    const unknown = blocks.filter(
      ({ directive }) => !/^(|not, because \S.*|exit \d+|until \S.*|config)$/.test(directive),
    )
    expect(unknown.map(place), 'run: not, because ...; exit N; until TEXT; config').to.deep.equal([])
  })

  for (const page of pages) {
    const blocks = blocksOf(page, readText(page)).filter(isRun)
    if (blocks.length === 0) continue
    describe(page, function () {
      this.timeout(90_000)
      this.slow(10_000)
      let room: PageRoom

      before(async () => {
        room = await PageRoom.open()
        if (blocks.some(({ language }) => needsBroker.includes(language))) await room.startBroker()
      })
      after(() => room.close())

      for (const block of blocks) {
        it(`line ${block.line}: ${block.text.split('\n')[0]}`, () => runBlock(room, block))
      }
    })
  }
})
