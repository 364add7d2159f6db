/**
 * The forms in which records are printed and read, as options name them.
 * Runs on: main. Touches: nothing.
 */
export const valueFormats = ['text', 'json', 'hex', 'base64'] as const
export type ValueFormat = (typeof valueFormats)[number]

export const inputFormats = ['lines', 'raw', 'ndjson'] as const
export type InputFormat = (typeof inputFormats)[number]
