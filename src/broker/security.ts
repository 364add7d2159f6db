/**
 * What stands between the network and the broker: certificates and tokens, read at the start and when they change.
 * Runs on: main. Touches: the files of certificates and tokens.
 * At the start whatever is wrong keeps the broker from starting. Later it is logged, and what was in force stays.
 */
import { readFile, stat } from 'node:fs/promises'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type TokenEntry, TokenTable } from '../gateway/token-table.js'
import type { TlsMaterial } from '../gateway/transport.js'
import { ConfigError } from './config-problems.js'
import { FileWatch, signatureOf } from './file-watch.js'
import { auditSinkOf, type Log } from './log-sink.js'

/** What is told of changes. */
export interface Secured {
  replaceTokens(table: TokenTable): void
  replaceTls(material: TlsMaterial): Promise<void>
}

const dayMs = 86_400_000
const warnBeforeMs = 30 * dayMs
const maxTokensBytes = 64 << 20
/** For group and others: a key or a list of who may do what is the broker's alone. */
const othersMayRead = 0o004

export class Security {
  private readonly config: BrokerConfig
  private readonly log: Log
  private currentTls: TlsMaterial | undefined
  private currentTokens: TokenTable | undefined
  private watch: FileWatch | undefined
  private filesAtReading = ''
  private expiryCheck: NodeJS.Timeout | undefined
  private reloading: Promise<void> = Promise.resolve()
  private secured: Secured | undefined

  private constructor(config: BrokerConfig, log: Log) {
    this.config = config
    this.log = log
  }

  /** Throws INVALID_CONFIG, INVALID_CERTIFICATE. */
  static async load(config: BrokerConfig, log: Log): Promise<Security> {
    const security = new Security(config, log)
    security.filesAtReading = await signatureOf(security.files())
    security.currentTls = await security.readTls()
    security.currentTokens = await security.readTokens()
    await security.warnOfLooseFiles()
    security.warnOfExpiry()
    return security
  }

  get tls(): TlsMaterial | undefined {
    return this.currentTls
  }

  /** Undefined: nobody is asked. */
  get tokens(): TokenTable | undefined {
    return this.currentTokens
  }

  /** From now on changes of the files are told. */
  start(secured: Secured): void {
    this.secured = secured
    const files = this.files()
    if (files.length === 0) return
    this.watch = new FileWatch(files, this.filesAtReading, () => void this.reload('a file changed'))
    this.expiryCheck = setInterval(() => this.warnOfExpiry(), dayMs).unref()
  }

  stop(): void {
    this.secured = undefined
    this.watch?.stop()
    clearInterval(this.expiryCheck)
  }

  private files(): string[] {
    const { tlsCertificateFile, tlsKeyFile, tlsClientCaFile, tokensFile } = this.config
    return [tlsCertificateFile, tlsKeyFile, tlsClientCaFile, tokensFile].filter((file) => file !== '')
  }

  /** Reads all files again; resolves when that is done. What is wrong is logged, and the old stays in force. */
  reload(why: string): Promise<void> {
    this.reloading = this.reloading.then(async () => {
      await this.reloadTls(why)
      await this.reloadTokens(why)
      await this.warnOfLooseFiles()
    })
    return this.reloading
  }

  private async reloadTls(why: string): Promise<void> {
    if (this.currentTls === undefined) return
    try {
      const material = await this.readTls()
      if (material === undefined || isSame(material, this.currentTls)) return
      await this.secured?.replaceTls(material)
      this.currentTls = material
      const until = new Date(material.expiresAtMs).toISOString()
      this.log.info(`${why}: new connections get the certificate that is valid until ${until}`)
      this.tellReload('ReloadCertificates', { validUntil: until })
      this.warnOfExpiry()
    } catch (error) {
      this.tellKept(why, 'the certificates', error)
    }
  }

  private async reloadTokens(why: string): Promise<void> {
    if (this.currentTokens === undefined || this.config.tokensFile === '') return
    try {
      const table = (await this.readTokens())!
      this.currentTokens = table
      this.secured?.replaceTokens(table)
      this.log.info(`${why}: ${table.entryCount} tokens are in force`)
      this.tellReload('ReloadTokens', { entries: table.entryCount })
    } catch (error) {
      this.tellKept(why, 'the tokens', error)
    }
  }

  private tellKept(why: string, what: string, error: unknown): void {
    const { message, remedy } = StreamBusError.from(error)
    this.log.error(`${why}, but ${what} are left as they were: ${message}. ${remedy}`)
  }

  private tellReload(operation: string, details: Readonly<Record<string, unknown>>): void {
    const what = { resource: 'cluster', resourceName: '', outcome: 'done', details } as const
    auditSinkOf(this.log).audit({ principal: 'operator', address: '', operation, ...what })
  }

  /** Node's TLS is loaded by brokers that use it. */
  private async readTls(): Promise<TlsMaterial | undefined> {
    const { tlsCertificateFile, tlsKeyFile, tlsClientCaFile } = this.config
    if (tlsCertificateFile === '' && tlsKeyFile === '' && tlsClientCaFile === '') return undefined
    const { readTls } = await import('./tls-files.js')
    return readTls(this.config, Date.now())
  }

  private async readTokens(): Promise<TokenTable | undefined> {
    const { tokensFile, tokenEntries } = this.config
    if (tokensFile === '' && tokenEntries === '') return undefined
    if (tokensFile !== '' && tokenEntries !== '') {
      const message = 'tokensFile and tokenEntries are both set'
      throw new ConfigError([{ place: '', message }], 'Leave one of them out.')
    }
    const isFile = tokensFile !== ''
    const text = isFile ? await readTokensText(tokensFile) : tokenEntries
    // With the YAML that it is written in: most brokers do without.
    const { parseTokens } = await import('./tokens-file.js')
    const entries = await parseTokens(text, isFile ? tokensFile : 'tokenEntries')
    this.warnOfUselessNames(entries)
    return TokenTable.inTurns(entries)
  }

  private warnOfUselessNames(entries: readonly TokenEntry[]): void {
    if (this.config.tlsClientCaFile !== '') return
    const names = entries.filter(({ certificateName }) => certificateName !== undefined).map(({ name }) => name)
    if (names.length === 0) return
    const who = names.slice(0, 5).join(', ')
    this.log.warn(`tlsClientCaFile is not set: the certificateName of ${who} lets nobody in`)
  }

  private async warnOfLooseFiles(): Promise<void> {
    for (const key of ['tlsKeyFile', 'tokensFile'] as const) {
      const file = this.config[key]
      if (file === '' || process.platform === 'win32') continue
      const mode = await stat(file).then(
        (found) => found.mode,
        () => 0,
      )
      if ((mode & othersMayRead) === 0) continue
      this.log.warn(`${key}: everybody on this machine can read ${file}; chmod 640 or 600 it`)
    }
  }

  private warnOfExpiry(): void {
    if (this.currentTls === undefined) return
    const leftMs = this.currentTls.expiresAtMs - Date.now()
    if (leftMs > warnBeforeMs) return
    const when = leftMs < 0 ? 'has expired' : `expires in ${Math.floor(leftMs / dayMs)} days`
    this.log.warn(`the certificate ${this.config.tlsCertificateFile} ${when}; renew it: the broker reads it by itself`)
  }
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.certificate === other.certificate && one.key === other.key && one.clientCa === other.clientCa
}

async function readTokensText(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size <= maxTokensBytes) return await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as { code?: string }
    const why = code === 'ENOENT' ? 'does not exist' : `can't be read (${code})`
    throw new ConfigError(
      [{ place: 'tokensFile', message: `${file} ${why}` }],
      `Check the path; \`streambus token create --name admin --roles admin --add-to ${file}\` makes the file.`,
    )
  }
  throw new ConfigError([{ place: 'tokensFile', message: `${file} is larger than ${maxTokensBytes} bytes` }])
}
