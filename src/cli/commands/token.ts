/**
 * `token create`, `list`: makes tokens, and shows who is in a broker's tokens file.
 * Runs on: main. Touches: the tokens file that is named, stdout. Never: a broker; it reads the file by itself.
 */
import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { parseTokens } from '../../broker/tokens-file.js'
import { createToken, type TokenEntry } from '../../gateway/token-table.js'
import type { Invocation } from '../environment.js'
import { countOf, printJson, printLine, printTable, tell } from '../output.js'

export interface TokenOptions {
  readonly name: string
  readonly roles: readonly string[]
  readonly topics: readonly string[]
  readonly certificateName?: string
  readonly addTo?: string
}

/** The token alone goes to stdout, so that `TOKEN=$(streambus token create ...)` has it. */
export async function createTokenEntry(invocation: Invocation, options: TokenOptions): Promise<void> {
  const { addTo } = options
  const { token, tokenHash } = createToken()
  const text = entryText(options, tokenHash)
  await refuseWrongOptions(text)
  if (addTo !== undefined) await addEntry(addTo, text)
  if (invocation.isJson) {
    const { name, roles, topics } = options
    return printJson({ name, token, tokenHash: `sha256:${tokenHash}`, roles, topics, addedTo: addTo })
  }
  if (addTo === undefined) tell(`Add this to the tokens file of the broker:\n\n${text}`)
  else tell(`added ${options.name} to ${addTo}; a broker that runs with it reads it by itself`)
  tell('The token, which is shown this once and stored nowhere:')
  printLine(token)
}

function entryText({ name, roles, topics, certificateName }: TokenOptions, tokenHash: string): string {
  const lines = [`- name: ${quoted(name)}`, `  tokenHash: sha256:${tokenHash}`]
  if (certificateName !== undefined) lines.push(`  certificateName: ${quoted(certificateName)}`)
  lines.push(`  roles: [${roles.map(quoted).join(', ')}]`)
  if (topics.length > 0) lines.push(`  topics: [${topics.map(quoted).join(', ')}]`)
  return `${lines.join('\n')}\n`
}

/** A YAML text; quotes where it might be taken for something else. */
function quoted(text: string): string {
  const isPlain = /^[A-Za-z][\w.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}

/** The rules of the file are those of the options. Throws USAGE. */
async function refuseWrongOptions(text: string): Promise<void> {
  try {
    await parseTokens(text, '')
  } catch (cause) {
    const { message } = StreamBusError.from(cause)
    throw new StreamBusError('USAGE', message.replace(/^:\d+:\d+: /gm, ''), {
      cause,
      remedy: 'Example: --name orders-app --roles produce,consume --topics orders.',
    })
  }
}

/** Throws INVALID_CONFIG: a file that is wrong already is not made longer. */
async function addEntry(file: string, entry: string): Promise<void> {
  const before = readIfThere(file)
  const isBlank = !/^[^#\s]/m.test(before)
  if (!isBlank) await parseTokens(before, file)
  const joint = before === '' || before.endsWith('\n') ? '' : '\n'
  // A list in brackets can't be made longer at its end.
  await parseTokens(`${before}${joint}${entry}`, file)
  appendFileSync(file, `${joint}${entry}`, { mode: 0o600 })
  if ((statSync(file).mode & 0o004) !== 0) tell(`everybody on this machine can read ${file}; chmod 640 or 600 it`)
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as { code?: string }
    if (code === 'ENOENT') return ''
    throw new StreamBusError('USAGE', `${file} can't be read (${code})`, { cause, remedy: 'Check the path.' })
  }
}

export async function listTokens(invocation: Invocation, file: string): Promise<void> {
  const text = readIfThere(file)
  if (text === '')
    throw new StreamBusError('USAGE', `${file} is empty or does not exist`, { remedy: 'Check the path.' })
  const entries = await parseTokens(text, file)
  if (invocation.isJson) return printJson(entries.map(shown))
  const rows = entries.map((entry) => {
    const { name, roles, topics, tokenHash, certificateName } = shown(entry)
    return [name, roles.join(','), topics.join(',') || '-', tokenHash?.slice(0, 15) ?? '-', certificateName ?? '-']
  })
  printTable(['NAME', 'ROLES', 'TOPICS', 'TOKEN HASH', 'CERTIFICATE'], rows)
  tell(countOf(entries.length, 'token'))
}

function shown(entry: TokenEntry): TokenEntry {
  const { tokenHash } = entry
  return { ...entry, tokenHash: tokenHash === undefined ? undefined : `sha256:${tokenHash}` }
}
