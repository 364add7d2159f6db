/**
 * Profiles: what is read of a file, and every mistake with its place.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { ConfigError } from '../../../../src/broker/config-problems.js'
import type { Profile } from '../../../../src/bench/slo/profile.js'
import { changed, parseProfile, readProfile } from '../../../../src/bench/slo/profile-file.js'
import { profileSchema } from '../../../../src/bench/slo/profile-schema.js'
import { loadRows, profileParts, profileRows } from '../../../../src/bench/slo/profile-table.js'
import { listFiles, readText, root } from '../../../tidy/source-tree.js'

const good = `
description: two loads
seconds: 5s
repeat: 3
calibrationMs: 11.5
defaults: { recordBytes: 1KiB, linger: 500us }
broker: { frontEnd: ws, journalMemoryBytes: 64MiB }
loads:
  - name: steady
    kind: e2e
    rate: 10000
    warmUp: 0
    objectives:
      recordsPerSecond: 9900
      endToEnd: { p50: 600us, p99.9: 4 ms, max: 0.1s }
      brokerMemory: 400MiB
      lost: 0
  - name: flat out
    kind: produce
    recordBytes: 100:0.9,1000:0.1
    repeat: 7
`

/** Every problem as `line:column message`. */
function problemsOf(text: string): string[] {
  try {
    parseProfile(text, 'p.yaml')
    return []
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError)
    return (error as ConfigError).problems.map(({ place, message }) => `${place.replace('p.yaml:', '')} ${message}`)
  }
}

describe('a profile', () => {
  const profile: Profile = parseProfile(good, 'some/where.yaml')
  const [steady, flatOut] = profile.loads

  it('gives loads with the defaults of the file and of the table, and times in their units', () => {
    expect(profile.name).to.equal('where')
    expect(profile.calibrationMs).to.equal(11.5)
    expect(profile.broker).to.deep.equal({ frontEnd: 'ws', journalMemoryBytes: 64 * 1024 ** 2 })
    expect(steady).to.deep.include({ name: 'steady', seconds: 5, warmUpSeconds: 0, repeat: 3 })
    expect(steady!.options).to.deep.include({
      kind: 'e2e',
      rate: 10_000,
      recordBytes: 1024,
      lingerMs: 0.5,
      partitions: 1,
    })
    expect(flatOut).to.deep.include({ warmUpSeconds: 2, repeat: 7, bounds: [] })
    expect(flatOut!.options).to.deep.include({ recordBytes: '100:0.9,1000:0.1', flush: 'commit' })
    expect(flatOut!.options).not.to.have.any.keys('rate', 'subscribers', 'name', 'seconds')
  })

  it('gives bounds in the unit of their figure', () => {
    expect(steady!.bounds).to.deep.equal([
      { figure: 'recordsPerSecond', bound: 9900 },
      { figure: 'lost', bound: 0 },
      { figure: 'brokerMemory', bound: 400 },
      { figure: 'endToEnd.p50', bound: 0.6 },
      { figure: 'endToEnd.p99.9', bound: 4 },
      { figure: 'endToEnd.max', bound: 100 },
    ])
  })

  it('is changed by the command line; what must never happen is not loosened', () => {
    const [load, ...others] = changed(profile, { only: 'STEA', seconds: 1, repeat: 2, warmUp: 0.5, loosen: 2 }).loads
    expect(others).to.deep.equal([])
    expect(load).to.deep.include({ seconds: 1, repeat: 2, warmUpSeconds: 0.5 })
    expect(load!.bounds.map(({ bound }) => bound)).to.deep.equal([4950, 0, 800, 1.2, 8, 200])
    expect(() => changed(profile, { only: 'nothing' }))
      .to.throw('no load')
      .with.property('name', 'USAGE')
  })

  it('tells all mistakes at once, each at its place, with the nearest key', () => {
    const text = `sceonds: 5
repeat: 0
loads:
  - name: one
    kind: e2ee
    objectives: { produce: { p98: 1ms, p99: fast }, recordsPerSecnd: 5 }
  - kind: consume
    rate: many
    subscribers: 3
    objectives:
      endToEnd: { p50: 1 }
  - name: one
    kind: produce
    linger: 5
    brokr: 1
broker: { port: 1, frontend: uws, maxConnections: lots }
`
    const found = problemsOf(text)
    const expected = [
      /^1:1 sceonds is unknown; did you mean seconds\?$/,
      /^2:9 repeat is 0; expected a whole number of 1 to 1000$/,
      /^5:11 loads\[0\]\.kind is "e2ee"; expected produce, consume, e2e, fanout, replay$/,
      /^6:30 loads\[0\]\.objectives\.produce\.p98 is unknown; did you mean p9/,
      /^6:45 loads\[0\]\.objectives\.produce\.p99 is "fast"; expected milliseconds, or a time/,
      /^6:53 loads\[0\]\.objectives\.recordsPerSecnd is unknown; did you mean recordsPerSecond\?$/,
      /^7:5 name is missing; expected name: a text$/,
      /^8:11 loads\[1\]\.rate is "many"; expected a number/,
      /^9:5 subscribers is not for a load of kind consume; it is for fanout$/,
      /^11:7 endToEnd is not measured by a load of kind consume; it measures no latencies$/,
      /^12:11 two loads are called "one"; expected a name of its own$/,
      /^15:5 loads\[2\]\.brokr is unknown/,
      /^16:11 port is chosen for the broker of a run; leave it out$/,
      /^16:20 frontend is unknown; did you mean frontEnd\?$/,
      /^16:51 maxConnections is "lots"; expected/,
    ]
    expect(found.length, found.join('\n')).to.equal(expected.length)
    for (const [at, pattern] of expected.entries()) expect(found[at]).to.match(pattern)
  })

  it('tells what is no profile at all', () => {
    expect(problemsOf('')).to.have.length(1)
    expect(problemsOf('loads: []')[0]).to.equal('1:8 loads holds none; expected a list of loads, at least one')
    expect(problemsOf('loads: 5')[0]).to.match(/^1:8 loads holds none/)
    expect(problemsOf('loads: [5, null]')[0]).to.match(/^1:9 loads\[0\] is 5; expected lines of the form/)
    expect(problemsOf('- a')[0]).to.match(/expected lines of the form/)
    expect(problemsOf('a: [')[0]).to.match(/^1:/)
    expect(problemsOf('name: "\u001b[2J"\nloads: {}')[0]).to.match(/loads holds none/)
    expect(() => readProfile('there/is/none.yaml')).to.throw("can't be read")
  })

  it('refuses aliases that make a small file a huge one', () => {
    const lines = Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`)
    const found = problemsOf(`a0: &a0 [x]\n${lines.join('\n')}\nloads: []`)
    expect(found.join()).to.match(/aliases/)
  })

  it('has a schema with every key that is known', () => {
    const schema = JSON.stringify(profileSchema())
    const keys = [...Object.keys(profileRows), ...Object.keys(profileParts), ...Object.keys(loadRows)]
    expect(keys.filter((key) => !schema.includes(`"${key}":`))).to.deep.equal([])
  })

  it('is right in every file that is shipped', () => {
    const shipped = listFiles(['.yaml']).filter((path) => path.startsWith('bench/profiles/'))
    expect(shipped).to.include('bench/profiles/short.yaml')
    for (const path of shipped) {
      expect(readText(path), path).to.match(/^# yaml-language-server: \$schema=profile\.schema\.json\n/)
      expect(readProfile(`${root}/${path}`).loads.length, path).to.be.greaterThan(0)
    }
  })
})
