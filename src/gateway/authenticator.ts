/**
 * Decides who a connection is: from its token, from its client certificate, or, where nobody is asked, anybody.
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { anonymous, nobody, type Principal } from './principal.js'
import type { TokenTable } from './token-table.js'

/** Longer ones are not even hashed. */
const longestTokenBytes = 1024

export class Authenticator {
  private table: TokenTable | undefined

  /** Undefined: nobody is asked. */
  constructor(table: TokenTable | undefined) {
    this.table = table
  }

  get isRequired(): boolean {
    return this.table !== undefined
  }

  /** Whoever comes with other tokens than these is refused from now on. */
  replace(table: TokenTable): void {
    this.table = table
  }

  /** Before a token came. `certificateName`: the common name of a client certificate that was verified. */
  atOpening(certificateName: string | undefined): Principal {
    if (this.table === undefined) return anonymous
    return (certificateName === undefined ? undefined : this.table.byCertificate(certificateName)) ?? nobody
  }

  /** Throws SASL_AUTHENTICATION_FAILED. */
  authenticate(token: string): Principal {
    if (this.table === undefined) return anonymous
    const principal = token.length > longestTokenBytes ? undefined : this.table.byToken(token)
    if (principal !== undefined) return principal
    throw new StreamBusError('SASL_AUTHENTICATION_FAILED', `the token (${token.length} characters) is not accepted`)
  }

  /** Who a connection is under the tokens that are in force now; undefined: nobody any more. */
  again(principal: Principal): Principal | undefined {
    if (this.table === undefined || principal === nobody) return principal
    return this.table.successorOf(principal)
  }
}
