/**
 * The tokens and client certificates that a broker knows, and who they stand for.
 * Runs on: main. Touches: nothing.
 *
 * Why SHA-256 without salt or stretching is enough: a token is 32 bytes from the system's generator, in the one form
 * that is accepted. Nobody can guess 2^256 of them, however fast the hash; a password that a person chose has not this
 * form and is refused, whatever the file says.
 *
 * Why a look-up takes the same time whoever asks: tokens are found by HMAC of their hash under a key that is new in
 * every process, so that nobody can choose where in the map a guess lands; then exactly one comparison in constant time
 * is made, against a hash of the table or against one that fits nothing.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Principal, type PrincipalFacts } from './principal.js'

export interface TokenEntry extends PrincipalFacts {
  /** SHA-256 of the token, 64 hexadecimal digits; undefined: by certificate only. */
  readonly tokenHash: string | undefined
  /** The common name in the subject of a client certificate. */
  readonly certificateName: string | undefined
}

const entriesPerTurn = 100
const tokenPrefix = 'sbt_'
const tokenForm = /^sbt_[A-Za-z0-9_-]{43}$/

interface Known {
  readonly hash: Buffer
  readonly principal: Principal
}

/** Fits no token: nobody knows what it is the hash of. */
const noHash = Buffer.alloc(32)

export class TokenTable {
  entryCount = 0
  private readonly key = randomBytes(32)
  private readonly byTag = new Map<string, Known>()
  private readonly byCredential = new Map<string, Principal>()

  constructor(entries: readonly TokenEntry[]) {
    for (const entry of entries) this.add(entry)
  }

  /** Of many entries, with the event loop's turn in between. */
  static async inTurns(entries: readonly TokenEntry[]): Promise<TokenTable> {
    const table = new TokenTable([])
    for (const [index, entry] of entries.entries()) {
      table.add(entry)
      if (index % entriesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    return table
  }

  private add(entry: TokenEntry): void {
    this.entryCount++
    const { tokenHash, certificateName } = entry
    if (tokenHash !== undefined) {
      const principal = new Principal(entry, `token ${tokenHash}`)
      const hash = Buffer.from(tokenHash, 'hex')
      this.byTag.set(this.tagOf(hash), { hash, principal })
      this.byCredential.set(principal.credential, principal)
    }
    if (certificateName !== undefined) {
      const principal = new Principal(entry, certificateCredential(certificateName))
      this.byCredential.set(principal.credential, principal)
    }
  }

  private tagOf(hash: Buffer): string {
    return createHmac('sha256', this.key).update(hash).digest('hex')
  }

  /** Undefined: no token of the table. Of any text the work is the same, but for one that has not a token's form. */
  byToken(token: string): Principal | undefined {
    if (!tokenForm.test(token)) return undefined
    const hash = hashOf(token)
    const known = this.byTag.get(this.tagOf(hash))
    const isEqual = timingSafeEqual(hash, known?.hash ?? noHash)
    return isEqual ? known?.principal : undefined
  }

  byCertificate(commonName: string): Principal | undefined {
    return this.byCredential.get(certificateCredential(commonName))
  }

  /** Who the credential of `principal` stands for in this table; undefined: it was revoked. */
  successorOf({ credential }: Principal): Principal | undefined {
    return this.byCredential.get(credential)
  }
}

function certificateCredential(commonName: string): string {
  return `certificate ${commonName}`
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** A new token, to be shown once, and what the tokens file keeps of it. */
export function createToken(): { readonly token: string; readonly tokenHash: string } {
  const token = `${tokenPrefix}${randomBytes(32).toString('base64url')}`
  return { token, tokenHash: hashOf(token).toString('hex') }
}
