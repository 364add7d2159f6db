/**
 * Hands out producer ids, each once, from blocks that the metadata log reserves.
 * Runs on: main. Touches: nothing; asks for a block when the last is used up.
 */

export interface ProducerIdBlock {
  readonly start: number
  /** Not included. */
  readonly end: number
}

export class ProducerIds {
  private readonly askForBlock: () => Promise<ProducerIdBlock>
  private next = 0
  private end = 0
  private asking: Promise<void> | undefined

  constructor(askForBlock: () => Promise<ProducerIdBlock>) {
    this.askForBlock = askForBlock
  }

  async take(): Promise<number> {
    while (this.next >= this.end) await this.refill()
    return this.next++
  }

  /** Those who ask meanwhile share one block. */
  private refill(): Promise<void> {
    this.asking ??= this.askForBlock()
      .then((block) => {
        this.next = block.start
        this.end = block.end
      })
      .finally(() => {
        this.asking = undefined
      })
    return this.asking
  }
}
