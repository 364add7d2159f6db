/**
 * Where a consumer begins: what people say (earliest, five minutes ago, the last ten records) made offsets.
 * Runs on: clients, browsers. Touches: the clock, for times ago; asks the broker through the function it is given.
 *
 * The last n records are those of the whole topic, by timestamp: partitions fill at different speeds, and somebody who
 * wants the last ten means ten. One partition needs arithmetic only. For several, the latest time is sought since which
 * n records came, by asking each partition for its first offset at or after a time and halving the span.
 */
import { earliestOffset, latestOffset } from '../../native-free-core/client/subscription.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

/** A time ago by the client's clock: '-500ms', '-90s', '-5m', '-2h', '-1d', '-1w', '-1h30m'. */
export type TimeAgo = `-${number}${string}`

/**
 * Where to begin reading:
 * - `'earliest'`: the first record that is there; `'latest'`: the next one to come
 * - a number: that offset, in every partition that is read
 * - a `Date`, `{ timestampMs }`, or a time ago such as `'-5m'`: the first record at or after that time; the next one to
 *   come, if there is none
 * - `{ last: n }`: the n newest records of all partitions that are read together, by timestamp; all, if there are
 *   fewer. What is produced meanwhile comes in addition.
 * - `{ offsets }`: an offset for each partition, as `positions()` gave it; partitions not named begin at earliest
 */
export type StartPoint =
  | 'earliest'
  | 'latest'
  | TimeAgo
  | number
  | Date
  | { readonly timestampMs: number }
  | { readonly last: number }
  | { readonly offsets: Readonly<Record<number, number>> }

/** Asks one partition for the first offset at or after a time; -1, -2, -3: latest, earliest, largest timestamp. */
export type OffsetLookUp = (
  partition: number,
  timestampMs: number,
) => Promise<{ readonly offset: number; readonly timestampMs: number }>

export const specialTimestamps = { latest: -1, earliest: -2, 'max-timestamp': -3 } as const

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const timeAgoPattern = /^-(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/

/** How many milliseconds '-5m' and the like mean; undefined: the text is no time ago. */
export function millisecondsAgo(text: string): number | undefined {
  if (!timeAgoPattern.test(text)) return undefined
  let sumMs = 0
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) sumMs += Number(count) * unitMs[unit!]!
  return Math.round(sumMs)
}

type Kind =
  | { readonly kind: 'offset'; offset(partition: number): number }
  | { readonly kind: 'time'; readonly timestampMs: number }
  | { readonly kind: 'last'; readonly count: number }

/** Throws USAGE for what is no start point, naming it. */
export function checkStartPoint(from: StartPoint, nowMs = Date.now()): Kind {
  if (from === 'earliest') return { kind: 'offset', offset: () => earliestOffset }
  if (from === 'latest') return { kind: 'offset', offset: () => latestOffset }
  if (typeof from === 'number') {
    const offset = wholeNumber('an offset', from, 'For the newest n records give { last: n }.')
    return { kind: 'offset', offset: () => offset }
  }
  if (typeof from === 'string') return { kind: 'time', timestampMs: timeOfText(from, nowMs) }
  if (from instanceof Date) return { kind: 'time', timestampMs: timestamp(from.getTime()) }
  if (typeof from === 'object' && from !== null) {
    if ('timestampMs' in from) return { kind: 'time', timestampMs: timestamp(from.timestampMs) }
    if ('last' in from) return { kind: 'last', count: wholeNumber('last', from.last) }
    if ('offsets' in from && typeof from.offsets === 'object' && from.offsets !== null) return ofOffsets(from.offsets)
  }
  throw notUnderstood(from)
}

/** For the broker's ListOffsets. Throws USAGE for what is no time. */
export function timestampOf(
  spec: keyof typeof specialTimestamps | TimeAgo | Date | { readonly timestampMs: number },
): number {
  if (typeof spec === 'string' && Object.hasOwn(specialTimestamps, spec)) return specialTimestamps[spec as 'latest']
  const point = checkStartPoint(spec as TimeAgo | Date)
  if (point.kind === 'time') return point.timestampMs
  throw notUnderstood(spec)
}

function ofOffsets(offsets: Readonly<Record<number, number>>): Kind {
  for (const [partition, offset] of Object.entries(offsets)) wholeNumber(`the offset of partition ${partition}`, offset)
  return { kind: 'offset', offset: (partition) => offsets[partition] ?? earliestOffset }
}

function timeOfText(text: string, nowMs: number): number {
  const agoMs = millisecondsAgo(text)
  if (agoMs === undefined) throw notUnderstood(text)
  return Math.max(0, nowMs - agoMs)
}

function timestamp(timestampMs: number): number {
  return wholeNumber('a time', Math.floor(timestampMs), 'Give milliseconds since 1970, or a valid Date.')
}

function wholeNumber(what: string, value: number, remedy?: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  const message = `from: ${what} is ${String(value)}; expected a whole number of at least 0`
  throw new StreamBusError('USAGE', message, remedy === undefined ? {} : { remedy })
}

function notUnderstood(from: unknown): StreamBusError {
  const text = typeof from === 'string' ? `"${from}"` : (JSON.stringify(from) ?? String(from))
  return new StreamBusError('USAGE', `from: ${text} is no place to begin`, {
    remedy:
      "Give 'earliest', 'latest', an offset, a Date, { timestampMs }, a time ago such as '-5m' (ms, s, m, h, d, w), " +
      '{ last: n } or { offsets: { 0: n } }.',
  })
}

/** The offset to begin at for each of `partitions`; it may be -1 (latest) or -2 (earliest). Throws USAGE. */
export async function startOffsets(
  from: StartPoint,
  partitions: readonly number[],
  lookUp: OffsetLookUp,
): Promise<Map<number, number>> {
  const point = checkStartPoint(from)
  if (point.kind === 'last') return lastOffsets(point.count, partitions, lookUp)
  const offsets = await Promise.all(
    partitions.map(async (partition) => {
      if (point.kind === 'offset') return point.offset(partition)
      const { offset } = await lookUp(partition, point.timestampMs)
      return offset < 0 ? latestOffset : offset
    }),
  )
  return new Map(partitions.map((partition, index) => [partition, offsets[index]!]))
}

/** One partition's records that may belong to the last n: offsets from `start`, below `end`. */
interface Span {
  readonly partition: number
  readonly start: number
  readonly end: number
}

async function lastOffsets(
  count: number,
  partitions: readonly number[],
  lookUp: OffsetLookUp,
): Promise<Map<number, number>> {
  const spans = await Promise.all(
    partitions.map(async (partition): Promise<Span> => {
      const [earliest, latest] = await Promise.all([
        lookUp(partition, specialTimestamps.earliest),
        lookUp(partition, specialTimestamps.latest),
      ])
      return { partition, start: Math.max(earliest.offset, latest.offset - count), end: latest.offset }
    }),
  )
  const all = spans.map(({ start }) => start)
  const starts = sizeOf(spans, all) <= count ? all : await newest(count, spans, lookUp)
  return new Map(spans.map(({ partition }, index) => [partition, starts[index]!]))
}

function sizeOf(spans: readonly Span[], starts: readonly number[]): number {
  return spans.reduce((sum, { end }, index) => sum + end - starts[index]!, 0)
}

/** Starts so that exactly `count` records remain, the newest; there are more than that in the spans. */
async function newest(count: number, spans: readonly Span[], lookUp: OffsetLookUp): Promise<readonly number[]> {
  if (count === 0) return spans.map(({ end }) => end)
  const since = (timestampMs: number) =>
    Promise.all(
      spans.map(async ({ partition, start, end }) => {
        const { offset } = await lookUp(partition, timestampMs)
        return offset < 0 ? end : Math.min(end, Math.max(start, offset))
      }),
    )
  const largest = await Promise.all(spans.map(({ partition }) => lookUp(partition, specialTimestamps['max-timestamp'])))
  // At least `count` records came since `early`, fewer since `late`.
  let late = Math.max(...largest.map(({ timestampMs }) => timestampMs)) + 1
  let lateStarts: readonly number[] = spans.map(({ end }) => end)
  let early = -1
  let earlyStarts: readonly number[] = spans.map(({ start }) => start)
  for (let stepMs = 1; late - early > 1 && sizeOf(spans, earlyStarts) > count; ) {
    const middle = early < 0 ? Math.max(0, late - stepMs) : Math.floor((early + late) / 2)
    const starts = await since(middle)
    if (sizeOf(spans, starts) >= count) {
      early = middle
      earlyStarts = starts
    } else {
      late = middle
      lateStarts = starts
      stepMs *= 4
    }
  }
  return without(sizeOf(spans, earlyStarts) - count, earlyStarts, lateStarts)
}

/** Records of one timestamp have no order over partitions: the surplus is left out in order of partition. */
function without(surplus: number, earlyStarts: readonly number[], lateStarts: readonly number[]): number[] {
  let left = surplus
  return earlyStarts.map((start, index) => {
    const omitted = Math.max(0, Math.min(left, lateStarts[index]! - start))
    left -= omitted
    return start + omitted
  })
}
