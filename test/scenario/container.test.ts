/**
 * The image that the Containerfile describes, as processes in a temporary folder: it refuses to be open to the network
 * in silence, runs as a user without rights, tells its health and stops at its signal.
 * Runs on: the test process, with brokers as processes of their own.
 */
import { expect } from 'chai'
import { root } from '../tidy/source-tree.js'

interface Outcome {
  readonly exitCode: number | null | undefined
  readonly output: string
}

interface Simulation {
  simulate(options: { readonly isLinked: boolean }): Promise<{
    readonly refused: Outcome
    readonly unhealthy: Outcome
    readonly broker: Outcome
    readonly healthy?: Outcome
    readonly stopped?: number
  }>
}

describe('the container image', function () {
  this.timeout(60_000)

  it('run bare says what to pass; told enough it runs, tells its health and stops', async function () {
    if (process.platform === 'win32') this.skip()
    const tool = (await import(`${root}/tools/simulate-container.mjs`)) as Simulation
    const { refused, unhealthy, broker, healthy, stopped } = await tool.simulate({ isLinked: true })
    expect(refused.exitCode).to.equal(2)
    expect(refused.output).to.contain('error: host is 0.0.0.0')
    for (const name of ['TLS_CERTIFICATE_FILE', 'TLS_KEY_FILE', 'TOKENS_FILE', 'ALLOW_INSECURE=true']) {
      expect(refused.output).to.contain(`STREAMBUS_${name}`)
    }
    expect(unhealthy.exitCode).to.equal(1)
    expect(unhealthy.output).to.contain('no broker answers')
    expect(broker.exitCode, broker.output).to.equal(undefined)
    expect(healthy?.exitCode, healthy?.output).to.equal(0)
    expect(stopped).to.equal(0)
  })
})
