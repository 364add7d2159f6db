/**
 * A gateway that is told that its configuration has changed: the budget for what waits outside full rings.
 * Runs on: the test process, over a fake shard that can be paused.
 */
import { expect } from 'chai'
import { batchOf, codeOf, GatewayFixture } from '../../support/gateway-fixture.js'

describe('a gateway that is reconfigured', () => {
  it('lets as much wait outside a full ring as the new maxInFlightBytes says', async () => {
    const fixture = await GatewayFixture.open({
      config: { maxInFlightBytes: 32 << 20, maxInFlightBytesPerConnection: 64 << 20 },
      shard: { requestRingBytes: 256 * 1024 },
    })
    try {
      const client = await fixture.connect()
      const throttledOf = async (): Promise<number> => {
        fixture.shards[0]!.isPaused = true
        const answers = Array.from({ length: 60 }, () => client.produce(0, batchOf(1, 30_000)))
        await client.ask('Ping')
        fixture.shards[0]!.isPaused = false
        const codes = (await Promise.all(answers)).map(({ error }) => error?.code)
        return codes.filter((code) => code === codeOf('THROTTLING_QUOTA_EXCEEDED')).length
      }
      expect(await throttledOf()).to.equal(0)
      ;(fixture.config as { maxInFlightBytes: number }).maxInFlightBytes = 1 << 20
      fixture.gateway.reconfigure()
      expect(await throttledOf()).to.be.greaterThan(10)
    } finally {
      await fixture.close()
    }
  })
})
