/**
 * The tokens file: what it may hold, and that every mistake is told with its place and never with a secret.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import type { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { parseTokens } from '../../../src/broker/tokens-file.js'
import { createToken } from '../../../src/gateway/token-table.js'

const hash = (digit: string) => `sha256:${digit.repeat(64)}`

async function problemsOf(text: string): Promise<string> {
  try {
    await parseTokens(text, 'tokens.yaml')
  } catch (error) {
    expect(error).to.include({ name: 'INVALID_CONFIG', exitCode: 2 })
    return (error as StreamBusError).message
  }
  throw new Error('nothing was wrong')
}

describe('tokens file', () => {
  it('holds entries, comments, and the same list as JSON', async () => {
    const yaml =
      `# ours\n- name: a\n  tokenHash: ${hash('A')}\n  roles: [produce, consume, produce]\n` +
      '  topics: [orders., "*"]\n\n' +
      '# for Prometheus\n- {name: scraper, certificateName: scraper.internal, roles: [metrics]}\n'
    const expected = [
      {
        name: 'a',
        tokenHash: 'a'.repeat(64),
        certificateName: undefined,
        roles: ['produce', 'consume'],
        topics: ['orders.', '*'],
      },
      { name: 'scraper', tokenHash: undefined, certificateName: 'scraper.internal', roles: ['metrics'], topics: [] },
    ]
    expect(await parseTokens(yaml, 'x')).to.deep.equal(expected)
    const json = JSON.stringify([
      { name: 'a', tokenHash: hash('a'), roles: ['produce', 'consume'], topics: ['orders.', '*'] },
      { name: 'scraper', certificateName: 'scraper.internal', roles: ['metrics'] },
    ])
    expect(await parseTokens(json, 'x')).to.deep.equal(expected)
  })

  it('may hold two tokens of one name, for the time of a change', async () => {
    const entry = (digit: string) => `- name: a\n  tokenHash: ${hash(digit)}\n  roles: [admin]\n`
    expect(await parseTokens(entry('1') + entry('2'), 'x')).to.have.length(2)
  })

  const good = `- name: a\n  tokenHash: ${hash('1')}\n  roles: [admin]\n`
  const table: readonly (readonly [what: string, text: string, ...expected: string[]])[] = [
    ['nothing', '', 'tokens.yaml: holds no entry'],
    ['no list', 'name: a\n', 'tokens.yaml:1:1: expected a list of entries'],
    ['a text in the list', '- hello\n', 'tokens.yaml:1:3: expected a list of entries'],
    ['a bracket that is not closed', '- name: [a\n', 'tokens.yaml:2:1: '],
    ['a key that is unknown', `${good}  topcis: [a]\n`, 'tokens.yaml:4:3: topcis is unknown; did you mean topics?'],
    ['a key twice', `${good}  name: b\n`, 'tokens.yaml:4:3: Map keys must be unique'],
    ['no name', `- roles: [admin]\n  tokenHash: ${hash('1')}\n`, 'tokens.yaml:1:3: name is missing'],
    [
      'a name with a line break',
      `- name: "a\\nb"\n  tokenHash: ${hash('1')}\n  roles: [admin]\n`,
      '1:9: name is "a\\nb"',
    ],
    ['no roles', `- name: a\n  tokenHash: ${hash('1')}\n`, '1:3: roles is missing; expected a list of admin, produce,'],
    ['a role unknown', good.replace('admin', 'root'), 'tokens.yaml:3:10: roles is ["root"]; expected'],
    ['a role that is a text', good.replace('[admin]', 'admin'), '3:10: roles is "admin"'],
    [
      'topics missing',
      good.replace('admin', 'consume'),
      '1:3: topics is missing; expected a list of prefixes, or ["*"]',
    ],
    ['topics of an admin', `${good}  topics: [a]\n`, '4:11: topics limits produce and consume, but roles is admin'],
    ['an empty prefix', `${good.replace('admin', 'consume')}  topics: [""]\n`, '4:11: topics is [""]'],
    ['a prefix that no topic has', `${good.replace('admin', 'consume')}  topics: ["a*"]\n`, '4:11: topics is ["a*"]'],
    ['neither hash nor certificate', '- name: a\n  roles: [admin]\n', 'a has neither tokenHash nor certificateName'],
    ['a hash that is short', good.replace(/1+/, '123'), '2:14: tokenHash is no hash; expected sha256: and 64'],
    [
      'one hash twice',
      `${good}- name: b\n  tokenHash: ${hash('1')}\n  roles: [admin]\n`,
      '5:14: tokenHash is that of a too',
    ],
    [
      'two mistakes',
      '- name: a\n- roles: [x]\n',
      'tokens.yaml:1:3: roles is missing',
      'tokens.yaml:2:10: roles is ["x"]',
    ],
    ['bytes that are no text', '\u0000\ufffd', 'tokens.yaml:1:1: '],
  ]
  for (const [what, text, ...expected] of table) {
    it(`tells ${what} with its place`, async () => {
      const problems = await problemsOf(text)
      for (const part of expected) expect(problems).to.contain(part)
    })
  }

  it('never repeats a token that stands in it by mistake', async () => {
    const { token } = createToken()
    for (const text of [
      good.replace(/sha256:1+/, token),
      `${good}  token: ${token}\n`,
      good.replace(/sha256:1+/, `hidden-${token}`),
    ]) {
      const problems = await problemsOf(text)
      expect(problems).not.to.contain(token)
    }
    expect(await problemsOf(`${good}  token: ${token}\n`)).to.contain(
      'tokens.yaml:4:3: token: a token must not be stored',
    )
  })

  it('is read in pieces, so that ten thousand entries keep nobody waiting; lines are right to the last', async () => {
    const entry = (index: number) =>
      `- name: app-${index}\n  tokenHash: sha256:${index.toString(16).padStart(64, '0')}\n` +
      '  roles: [produce]\n  topics: [t]\n'
    let turns = 0
    let isDone = false
    const count = (): void => {
      turns++
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    const text = Array.from({ length: 2000 }, (_, index) => entry(index)).join('')
    expect(await parseTokens(text, 'x')).to.have.length(2000)
    isDone = true
    expect(turns).to.be.greaterThan(150)
    expect(await problemsOf(`${text}- name: last\n  roles: [nothing]\n`)).to.contain(
      'tokens.yaml:8002:10: roles is ["nothing"]',
    )
  })

  it('tells the first twenty mistakes and how many more there are', async () => {
    const problems = await problemsOf('- name: a\n  certificateName: b\n'.repeat(30))
    expect(problems.split('\n')).to.have.length(21)
    expect(problems).to.match(/and \d+ more$/)
  })
})
