/**
 * Who is at the other end of a connection, and what its roles let it do.
 * Runs on: main. Touches: nothing.
 *
 *              cluster                    topics that begin with one of its prefixes
 *   admin      everything                 everything (all topics)
 *   produce    write (a producer id)      write, describe
 *   consume                               read, describe
 *   metrics    describe (status, metrics)
 *
 * Rights are bits, found once for a topic's name and kept: a produced batch costs one look-up in a map.
 */
import type { MessageRow } from '../../native-free-core/protocol/message-table.js'

export type Operation = MessageRow['operation']

export const roleNames = ['admin', 'produce', 'consume', 'metrics'] as const
export type Role = (typeof roleNames)[number]

/** Stands for every topic; no topic can be called so. */
export const everyTopic = '*'

export interface PrincipalFacts {
  readonly name: string
  readonly roles: readonly Role[]
  /** Prefixes of topic names, or everyTopic; admin needs none. */
  readonly topics: readonly string[]
}

export const rightBits = {
  none: 0,
  read: 1,
  write: 2,
  describe: 4,
  create: 8,
  delete: 16,
  alter: 32,
} as const satisfies Record<Operation, number>
const all = 63

const topicRightsOfRole: Readonly<Record<Role, number>> = {
  admin: all,
  produce: rightBits.write | rightBits.describe,
  consume: rightBits.read | rightBits.describe,
  metrics: 0,
}

const clusterRightsOfRole: Readonly<Record<Role, number>> = {
  admin: all,
  produce: rightBits.write,
  consume: 0,
  metrics: rightBits.describe,
}

/** Names come from requests, so what is kept of them is bounded. */
const keptNames = 10_000

export class Principal {
  readonly name: string
  readonly roles: readonly Role[]
  readonly topics: readonly string[]
  /** What it authenticated with, to find it again when the tokens were changed; empty: nobody is asked. */
  readonly credential: string
  readonly isAdmin: boolean
  readonly clusterRights: number
  /** To topics that it may use at all. */
  private readonly rights: number
  private readonly byName = new Map<string, number>()

  constructor({ name, roles, topics }: PrincipalFacts, credential: string) {
    this.name = name
    this.roles = roles
    this.topics = topics
    this.credential = credential
    this.isAdmin = roles.includes('admin')
    this.rights = roles.reduce((bits, role) => bits | topicRightsOfRole[role], 0)
    this.clusterRights = roles.reduce((bits, role) => bits | clusterRightsOfRole[role], 0)
  }

  /** Bits of rightBits. An empty name is no topic's: it asks for rights to any. */
  topicRights(name: string): number {
    const known = this.byName.get(name)
    if (known !== undefined) return known
    const rights = name === '' || this.mayUse(name) ? this.rights : 0
    if (this.byName.size >= keptNames) this.byName.clear()
    this.byName.set(name, rights)
    return rights
  }

  private mayUse(name: string): boolean {
    return this.isAdmin || this.topics.some((prefix) => prefix === everyTopic || name.startsWith(prefix))
  }

  /** For messages: `orders-app (roles produce; topics orders.)`. */
  describe(): string {
    const topics = this.isAdmin || this.topics.length === 0 ? '' : `; topics ${this.topics.join(', ')}`
    return `${this.name} (roles ${this.roles.join(', ')}${topics})`
  }
}

/** Everybody, where the broker asks for no token. */
export const anonymous = new Principal({ name: 'anonymous', roles: ['admin'], topics: [] }, '')
/** Whoever has not authenticated yet: asked for nothing but a token. */
export const nobody = new Principal({ name: 'nobody', roles: [], topics: [] }, '')
