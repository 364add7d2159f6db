/**
 * Text scenarios of three metadata nodes: commands, a line `----`, what they print. `npm test -- test/scenario/raft
 * --rewrite` (or STREAMBUS_REWRITE=1) writes the output anew; a person reads the difference.
 * Runs on: the test process.
 *
 *   cluster SEED BROKERS...           a new cluster
 *   step N | lead                     time moves on by N ticks | until a leader is known to all that are up
 *   register B ON                     proposes broker B's registration on broker ON
 *   create NAME ON | delete NAME ON   proposes on broker ON
 *   ids COUNT ON                      proposes COUNT blocks of producer ids on broker ON, one after the other
 *   partition A B | C                 groups that hear each other only; `heal` ends it
 *   crash B | start B                 power cut | start again
 *   snapshot B | transfer B           B takes a snapshot | the leader hands over to B
 *   answers | status                  what was answered since | roles, places, topics
 */
import { expect } from 'chai'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MetadataCommand } from '../../../native-free-core/metadata/metadata-command.js'
import { RaftRole } from '../../../native-free-core/metadata/raft/raft-types.js'
import { RaftSimulator } from '../../support/raft-simulator.js'
import { root } from '../../tidy/source-tree.js'

const folder = join(root, 'test/scenario/raft')
const rewrite = process.env['STREAMBUS_REWRITE'] === '1' || process.argv.includes('--rewrite')
const roleNames = Object.fromEntries(Object.entries(RaftRole).map(([name, role]) => [role, name]))

class Scenario {
  private simulator = new RaftSimulator(1, [0])
  private topics = 0

  /** Runs one line; returns what it prints. */
  run(line: string): string[] {
    const [command, ...words] = line.split(/\s+/) as [string, ...string[]]
    const numbers = words.map(Number)
    const { simulator } = this
    switch (command) {
      case 'cluster':
        this.simulator = new RaftSimulator(numbers[0]!, numbers.slice(1))
        this.topics = 0
        return []
      case 'step':
        for (let count = 0; count < numbers[0]!; count++) simulator.step()
        return []
      case 'lead':
        return [this.lead()]
      case 'register':
        return this.propose(numbers[1]!, {
          type: 'registerBroker',
          version: 1,
          brokerId: numbers[0]!,
          host: 'h',
          port: 1,
          incarnation: 'i',
        })
      case 'create':
        return this.propose(numbers[1]!, this.createCommand(words[0]!))
      case 'delete':
        return this.propose(numbers[1]!, { type: 'deleteTopic', version: 1, name: words[0]! })
      case 'ids':
        return this.proposeBlocks(numbers[0]!, numbers[1]!)
      case 'partition':
        simulator.partition(
          line
            .slice(command.length)
            .split('|')
            .map((group) => group.trim().split(/\s+/).map(Number)),
        )
        return []
      case 'heal':
        simulator.heal()
        return []
      case 'crash':
        simulator.crash(numbers[0]!)
        return []
      case 'start':
        simulator.start(numbers[0]!)
        return []
      case 'snapshot':
        simulator.snapshot(numbers[0]!)
        return []
      case 'transfer':
        simulator.node(simulator.leader!).transferLeader(numbers[0]!)
        return []
      case 'answers':
        return this.answers()
      case 'status':
        return this.status()
      default:
        throw new Error(`unknown command ${line}`)
    }
  }

  private createCommand(name: string): MetadataCommand {
    const topicId = (++this.topics).toString(16).padStart(32, '0')
    return { type: 'createTopic', version: 1, name, topicId, partitions: 2, replicationFactor: 1, configs: {} }
  }

  private lead(): string {
    const { simulator } = this
    const known = (): boolean =>
      simulator.leader !== undefined && simulator.upBrokers.every((broker) => simulator.node(broker).isCaughtUp)
    return simulator.stepUntil(known) ? `leader ${simulator.leader}` : 'no leader'
  }

  private propose(broker: number, command: MetadataCommand): string[] {
    this.simulator.propose(broker, command)
    this.simulator.deliverAll()
    return []
  }

  private proposeBlocks(count: number, broker: number): string[] {
    for (let done = 0; done < count; done++) {
      this.propose(broker, { type: 'allocateProducerIds', version: 1, brokerId: 0, count: 10 })
    }
    return []
  }

  private answers(): string[] {
    const lines = this.simulator.answers.splice(0).map(({ broker, result }) => {
      const text = result.ok ? JSON.stringify(result.value) : `${result.error}: ${result.message}`
      return `broker ${broker}: ${text}`
    })
    return lines.length > 5 ? [`${lines.length - 1} answers before`, lines.at(-1)!] : lines
  }

  private status(): string[] {
    return this.simulator.brokers.map((broker) => {
      if (!this.simulator.isUp(broker)) return `broker ${broker}: down`
      const node = this.simulator.node(broker)
      const { role, term, commit, firstIndex, lastIndex } = node.status()
      const topics = node.image.topics.map((topic) => topic.name).join(' ') || '-'
      return (
        `broker ${broker}: ${roleNames[role]}, term ${term}, log ${firstIndex}-${lastIndex}, committed ${commit}, ` +
        `image ${node.image.version}, ids to ${node.image.nextProducerId}, topics: ${topics}`
      )
    })
  }
}

/** A file is blocks of commands and output, parted by empty lines; lines with # are kept. */
function rerun(text: string): string {
  const scenario = new Scenario()
  const blocks = text
    .trimEnd()
    .split('\n\n')
    .map((block) => {
      const lines = block.split('\n')
      const end = lines.indexOf('----')
      const commands = end < 0 ? lines : lines.slice(0, end)
      const output = commands.filter((line) => !line.startsWith('#')).flatMap((line) => scenario.run(line))
      return [...commands, ...(output.length > 0 ? ['----', ...output] : [])].join('\n')
    })
  return `${blocks.join('\n\n')}\n`
}

describe('raft scenario', () => {
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .sort()) {
    it(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const path = join(folder, name)
      const text = readFileSync(path, 'utf8')
      const actual = rerun(text)
      if (rewrite) writeFileSync(path, actual)
      else expect(actual).to.equal(text)
    })
  }
})
