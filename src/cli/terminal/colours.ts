/**
 * Colours, or none: for a stream, as NO_COLOR, FORCE_COLOR and the terminal want it.
 * Runs on: main. Touches: nothing.
 */
import picocolors from 'picocolors'

export type Colours = ReturnType<typeof picocolors.createColors>

type Variables = Readonly<Record<string, string | undefined>>

/** NO_COLOR (https://no-color.org) is stronger than FORCE_COLOR; without either a terminal gets colours. */
export function wantsColour(isTerminal: boolean, variables: Variables): boolean {
  if (isSet(variables['NO_COLOR'])) return false
  const forced = variables['FORCE_COLOR']
  if (isSet(forced)) return forced !== '0'
  return isTerminal && variables['TERM'] !== 'dumb'
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}

export function coloursFor(stream: { readonly isTTY?: boolean }, variables: Variables = process.env): Colours {
  return picocolors.createColors(wantsColour(stream.isTTY === true, variables))
}

/** Whether the terminal is likely to draw block characters; a locale that says otherwise is believed. */
export function drawsBlocks(variables: Variables = process.env): boolean {
  if (variables['TERM'] === 'dumb' || variables['TERM'] === 'linux') return false
  const locale = [variables['LC_ALL'], variables['LC_CTYPE'], variables['LANG']].find(isSet)
  return locale === undefined || /utf-?8/i.test(locale)
}
