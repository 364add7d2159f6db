/**
 * What the process tells its caller.
 * Runs on: main. Touches: nothing.
 */
export const ExitCode = { done: 0, failed: 1, usage: 2 } as const
