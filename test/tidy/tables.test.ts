/**
 * The reference pages in docs/ are what the tables say: every error, configuration key, metric and message is there.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { brokerConfigRows } from '../../native-free-core/config/broker-config.js'
import { topicConfigRows } from '../../native-free-core/config/topic-config.js'
import { errorRows } from '../../native-free-core/errors/error-table.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import { exists, readText, root } from './source-tree.js'

interface DocsTool {
  readonly pages: Readonly<Record<string, { readonly table: string }>>
  renderPage(path: string): Promise<string>
}

function expectNamed(page: string, names: readonly string[]): void {
  const text = readText(page)
  expect(names.length, `rows of ${page}`).to.be.greaterThan(0)
  expect(names.filter((name) => !text.includes(`\`${name}\``) && !text.includes(`[${name}]`))).to.deep.equal([])
}

describe('reference pages', () => {
  it('name every error', () => expectNamed('docs/errors.md', Object.keys(errorRows)))
  it('name every broker configuration key', () => expectNamed('docs/configuration.md', Object.keys(brokerConfigRows)))
  it('name every topic configuration key', () => expectNamed('docs/configuration.md', Object.keys(topicConfigRows)))
  it('name every message', () => expectNamed('docs/protocol-messages.md', Object.keys(messageRows)))

  it('are what npm run docs writes from the tables', async () => {
    const tool = (await import(`${root}/tools/generate-docs.mjs`)) as DocsTool
    for (const [page, { table }] of Object.entries(tool.pages)) {
      if (!exists(`native-free-core/${table}.ts`)) continue
      expect(readText(page), `${page} (npm run docs writes it)`).to.equal(await tool.renderPage(page))
    }
  })

  it('give no error code twice', () => {
    const codes = Object.values(errorRows).map((row) => row.code)
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).to.deep.equal([])
  })
})
