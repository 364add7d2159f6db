/**
 * `token create` and `token list` as people run them, as processes of their own.
 * Runs on: the test process. Touches: a temporary folder.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseTokens } from '../../../src/broker/tokens-file.js'
import type { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { createTokenEntry, type TokenOptions } from '../../../src/cli/commands/token.js'
import { runCli } from '../../support/run-cli.js'

describe('token', function () {
  this.timeout(20_000)
  const folder = mkdtempSync(join(tmpdir(), 'streambus-token-cli-'))
  const file = join(folder, 'tokens.yaml')
  after(() => rmSync(folder, { recursive: true }))
  afterEach(() => rmSync(file, { force: true }))

  const create = (...args: string[]) => runCli(['token', 'create', ...args])
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

  it('create prints the token alone on stdout, and the entry on stderr', async () => {
    const { stdout, stderr, exitCode } = await create(
      '--name',
      'orders-app',
      '--roles',
      'produce,consume',
      '--topics',
      'orders.',
    )
    expect(exitCode).to.equal(0)
    expect(stdout).to.match(/^sbt_[\w-]{43}\n$/)
    const entry = stderr.slice(stderr.indexOf('- name'), stderr.indexOf('\nThe token'))
    expect(await parseTokens(entry, 'x')).to.deep.equal([
      {
        name: 'orders-app',
        roles: ['produce', 'consume'],
        topics: ['orders.'],
        tokenHash: sha256(stdout.trim()),
        certificateName: undefined,
      },
    ])
  })

  it('create --add-to makes the file for its owner alone, appends to it, and list shows it', async () => {
    const first = await create('--name', 'admin', '--roles', 'admin', '--add-to', file)
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    await create('--name', 'true', '--roles', 'consume', '--topics', '*', '--certificate-name', 'a b', '--add-to', file)
    const text = readFileSync(file, 'utf8')
    expect(text).not.to.contain('sbt_')
    const entries = await parseTokens(text, file)
    expect(entries.map(({ name, topics, certificateName }) => ({ name, topics, certificateName }))).to.deep.equal([
      { name: 'admin', topics: [], certificateName: undefined },
      { name: 'true', topics: ['*'], certificateName: 'a b' },
    ])
    expect(entries[0]!.tokenHash).to.equal(sha256(first.stdout.trim()))
    const { stdout, stderr } = await runCli(['token', 'list', file])
    expect(stdout)
      .to.match(/^admin +admin +- +sha256:[0-9a-f]{8} +-$/m)
      .and.to.match(/^true +consume +\* /m)
    expect(stderr).to.contain('2 tokens')
  })

  it('create --json gives one object', async () => {
    const { stdout, stderr } = await create('--name', 'a', '--roles', 'metrics', '--json')
    const { token, tokenHash, ...rest } = JSON.parse(stdout) as Record<string, string>
    expect(tokenHash).to.equal(`sha256:${sha256(token!)}`)
    expect(rest).to.deep.equal({ name: 'a', roles: ['metrics'], topics: [] })
    expect(stderr).to.equal('')
  })

  it('create ends with 2 where an option is wrong, and makes nothing', async () => {
    const result = await create('--name', 'x', '--roles', 'produce', '--add-to', file)
    expect(result).to.include({ exitCode: 2, stdout: '' })
    expect(result.stderr).to.contain('error: topics is missing; expected').and.to.contain('--roles produce,consume')
    expect(() => statSync(file)).to.throw('ENOENT')
  })

  const wrong: readonly (readonly [what: string, options: Partial<TokenOptions>, message: string])[] = [
    ['a role that there is not', { roles: ['produce', 'write'] }, 'expected a list of admin, produce'],
    ['topics for a role that has none', { roles: ['admin'], topics: ['a'] }, 'topics limits produce and consume'],
    ['a topic that can not be', { roles: ['consume'], topics: ['a b'] }, 'expected beginnings of topic names'],
    ['a name with spaces', { name: 'a b' }, 'name is "a b"; expected 1 to 128'],
  ]
  for (const [what, options, message] of wrong) {
    it(`create refuses ${what}`, async () => {
      const given = { name: 'x', roles: ['admin'], topics: [], ...options, addTo: file }
      const error = await createTokenEntry(undefined as never, given).then(
        () => undefined,
        (thrown: unknown) => thrown as StreamBusError,
      )
      expect(error).to.include({ name: 'USAGE' })
      expect(error!.message).to.contain(message)
      expect(() => statSync(file)).to.throw('ENOENT')
    })
  }

  it('leaves a file alone that is wrong already, or can not be made longer', async () => {
    for (const text of ['- name: a\n  roles: []\n', '[{name: a, roles: [admin], certificateName: b}]']) {
      writeFileSync(file, text)
      const result = await create('--name', 'x', '--roles', 'admin', '--add-to', file)
      expect(result).to.include({ exitCode: 2, stdout: '' })
      expect(result.stderr).to.contain(`${file}:`)
      expect(readFileSync(file, 'utf8')).to.equal(text)
    }
  })
})
