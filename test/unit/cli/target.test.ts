/**
 * The broker that a command talks to, and contexts.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { contextsFile, readContexts, writeContexts } from '../../../src/cli/contexts.js'
import { resolveTarget } from '../../../src/cli/target.js'

describe('resolveTarget', () => {
  let folder: string
  let variables: Record<string, string>

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-contexts-'))
    variables = { XDG_CONFIG_HOME: folder }
    const byName = new Map([
      ['dev', { server: 'dev:1' }],
      ['prod', { server: 'prod:1,prod:2', token: 'secret' }],
    ])
    writeContexts(variables, { current: 'prod', byName })
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  const resolve = (options: object, more: object = {}) => resolveTarget(options, { ...variables, ...more }, 'streambus')

  it('takes options, then variables, then the context, then the default', () => {
    expect(resolve({ server: 'a:1' }, { STREAMBUS_SERVER: 'b:1' }).servers).to.deep.equal(['a:1'])
    expect(resolve({}, { STREAMBUS_SERVER: 'b:1' }).servers).to.deep.equal(['b:1'])
    expect(resolve({})).to.deep.equal({ servers: ['prod:1', 'prod:2'], token: 'secret', tls: undefined })
    expect(resolve({ context: 'dev' })).to.deep.include({ servers: ['dev:1'], token: undefined })
    expect(resolve({}, { STREAMBUS_CONTEXT: 'dev' }).servers).to.deep.equal(['dev:1'])
    expect(resolve({}, { STREAMBUS_SERVER: '', STREAMBUS_CONTEXT: '' }).servers).to.deep.equal(['prod:1', 'prod:2'])
    expect(resolve({}, { XDG_CONFIG_HOME: join(folder, 'none') }).servers).to.deep.equal(['127.0.0.1:9400'])
  })

  it("never sends a context's token to another server, unless both were named", () => {
    expect(resolve({ server: 'a:1' }).token).to.equal(undefined)
    expect(resolve({}, { STREAMBUS_SERVER: 'a:1' }).token).to.equal(undefined)
    expect(resolve({ server: 'a:1', context: 'prod' })).to.deep.include({ servers: ['a:1'], token: 'secret' })
    expect(resolve({ token: 'mine' }).token).to.equal('mine')
    expect(resolve({}, { STREAMBUS_TOKEN: 'mine' }).token).to.equal('mine')
  })

  it('reads token and certificates from files', () => {
    const path = join(folder, 'file')
    writeFileSync(path, 'text\n')
    expect(resolve({ tokenFile: path }).token).to.equal('text')
    expect(String(resolve({}, { STREAMBUS_TLS_CA: path }).tls!.ca)).to.equal('text\n')
    expect(() => resolve({ tokenFile: join(folder, 'none') })).to.throw('no such file')
    expect(() => resolve({ tlsCa: folder })).to.throw('EISDIR')
  })

  it('suggests the context that was meant, and refuses empty addresses', () => {
    expect(() => resolve({ context: 'pord' }))
      .to.throw('no context "pord"')
      .with.property('remedy')
      .contains('"prod"')
    expect(() => resolve({ server: 'a:1,,b:1' })).to.throw('no list of brokers')
  })

  it('keeps contexts in a file that only its owner reads', () => {
    const path = contextsFile(variables)
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(statSync(dirname(path)).mode & 0o777).to.equal(0o700)
    writeFileSync(path, readFileSync(path), { mode: 0o644 })
    writeContexts(variables, readContexts(variables))
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('names the file when it holds something else', () => {
    const path = contextsFile(variables)
    for (const text of [
      '',
      '[]',
      '{"contexts":[]}',
      '{"contexts":{"a":{}}}',
      '{"contexts":{"a":{"server":1}}}',
      '{"current":1}',
    ]) {
      writeFileSync(path, text)
      expect(() => resolve({}), text).to.throw(path)
    }
    rmSync(path)
    mkdirSync(path)
    expect(() => resolve({})).to.throw(path)
    expect(resolve({ server: 'a:1' }).servers, 'not needed, not read').to.deep.equal(['a:1'])
  })
})
