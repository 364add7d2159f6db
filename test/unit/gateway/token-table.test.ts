/**
 * Looking tokens up: by the right hash only, and in the same time whatever the number.
 * Runs on: the test process.
 */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { createToken, type TokenEntry, TokenTable } from '../../../src/gateway/token-table.js'

const entryOf = (name: string, tokenHash: string | undefined, certificateName?: string): TokenEntry => ({
  name,
  roles: ['produce'],
  topics: ['t'],
  tokenHash,
  certificateName,
})

function tableOf(count: number): { table: TokenTable; tokens: string[] } {
  const made = Array.from({ length: count }, createToken)
  const table = new TokenTable(made.map(({ tokenHash }, index) => entryOf(`p${index}`, tokenHash)))
  return { table, tokens: made.map(({ token }) => token) }
}

describe('TokenTable', () => {
  it('makes tokens of 256 random bits, and keeps their SHA-256', () => {
    const made = Array.from({ length: 100 }, createToken)
    expect(new Set(made.map(({ token }) => token)).size).to.equal(100)
    for (const { token, tokenHash } of made) {
      expect(token).to.match(/^sbt_[A-Za-z0-9_-]{43}$/)
      expect(Buffer.from(token.slice(4), 'base64url')).to.have.length(32)
      expect(createHash('sha256').update(token).digest('hex')).to.equal(tokenHash)
    }
  })

  it('finds each of ten thousand, and nothing else', () => {
    const { table, tokens } = tableOf(10_000)
    for (const [index, token] of tokens.entries()) expect(table.byToken(token)?.name).to.equal(`p${index}`)
    for (let count = 0; count < 1000; count++) expect(table.byToken(createToken().token)).to.equal(undefined)
    const [first] = tokens
    for (const near of [first!.slice(0, -1), `${first}a`, first!.toUpperCase(), ` ${first}`, `${first}\n`]) {
      expect(table.byToken(near)).to.equal(undefined)
    }
  })

  it('takes the same time with ten and with ten thousand, for the first, the last and none of them', () => {
    const small = tableOf(10)
    const large = tableOf(10_000)
    const wrong = createToken().token
    const cpuOf = (table: TokenTable, token: string): number => {
      const before = process.cpuUsage()
      for (let round = 0; round < 5000; round++) table.byToken(token)
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
    const measure = (table: TokenTable, token: string): number =>
      median(Array.from({ length: 5 }, () => cpuOf(table, token)))
    cpuOf(small.table, wrong)
    const few = measure(small.table, small.tokens[0]!)
    const cases = [large.tokens[0]!, large.tokens[9999]!, wrong].map((token) => measure(large.table, token))
    // A list of ten thousand that is walked takes hundreds of times as long as one of ten.
    for (const cpu of cases) expect(cpu).to.be.lessThan(few * 3)
  }).timeout(20_000)

  it('takes no password, though its hash is in the table', () => {
    const hash = createHash('sha256').update('correct horse battery staple').digest('hex')
    expect(new TokenTable([entryOf('p', hash)]).byToken('correct horse battery staple')).to.equal(undefined)
  })

  it('knows who a credential stands for when the list was changed', () => {
    const { token, tokenHash } = createToken()
    const before = new TokenTable([entryOf('old', tokenHash, 'client.example')])
    const after = new TokenTable([entryOf('new', tokenHash)])
    expect(after.successorOf(before.byToken(token)!)?.name).to.equal('new')
    expect(after.successorOf(before.byCertificate('client.example')!)).to.equal(undefined)
    expect(before.byCertificate(`token ${tokenHash}`)).to.equal(undefined)
  })
})
