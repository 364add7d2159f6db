/**
 * Why a command failed, on standard error: under systemd with the priority that its journal sorts lines by.
 * Runs on: main. Touches: stderr.
 */
import { isJournal, journaldLines } from '../broker/journald.js'

/** Whole lines. */
export function writeError(text: string): void {
  process.stderr.write(isJournal() ? journaldLines('error', text) : text)
}
