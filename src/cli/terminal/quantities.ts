/**
 * Numbers as people read them: bytes, counts, times.
 * Runs on: main. Touches: nothing.
 */

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1.5 MiB`, `64 MiB`, `312 B`. */
export function bytesText(sizeBytes: number): string {
  let value = Math.max(0, sizeBytes)
  let unit = 0
  while (value >= (unit === 0 ? 1023.5 : 999.5) && unit < byteUnits.length - 1) {
    value /= 1024
    unit++
  }
  const isWhole = unit === 0 || value >= 99.95 || Number.isInteger(value)
  return `${isWhole ? Math.round(value) : value.toFixed(1)} ${byteUnits[unit]}`
}

/** `1,234,567`. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** At most seven columns: `12,345`, `123 k`, `1.23 M`. */
export function shortCountText(count: number): string {
  if (count < 99_999.5) return countText(count)
  if (count < 999_500) return `${Math.round(count / 1000)} k`
  if (count < 999_500_000) return `${threeFigures(count / 1e6)} M`
  return `${threeFigures(count / 1e9)} G`
}

function threeFigures(value: number): string {
  if (value >= 99.95) return value.toFixed(0)
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2)
}

/** A latency: `0.12 ms`, `4.4 ms`, `135 ms`, `2.1 s`. */
export function latencyText(latencyMs: number): string {
  if (!Number.isFinite(latencyMs)) return '-'
  if (latencyMs < 9.995) return `${latencyMs.toFixed(2)} ms`
  if (latencyMs < 99.95) return `${latencyMs.toFixed(1)} ms`
  return latencyMs < 9995 ? `${latencyMs.toFixed(0)} ms` : `${(latencyMs / 1000).toFixed(1)} s`
}

/** How long something has run: `4.2 s`, `3:07`, `2:15:09`, `3 d 4:12:07`. */
export function uptimeText(durationMs: number): string {
  const seconds = Math.max(0, durationMs) / 1000
  if (seconds < 60) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`
  const whole = Math.floor(seconds)
  const two = (value: number) => String(value).padStart(2, '0')
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ]
  if (days > 0) return `${days} d ${hours}:${two(minutes)}:${two(whole % 60)}`
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** `7 %`, `0.4 %`, `100 %`. */
export function percentText(share: number): string {
  if (!Number.isFinite(share)) return '-'
  const percent = share * 100
  return percent > 0 && percent < 0.95 ? `${percent.toFixed(1)} %` : `${Math.round(percent)} %`
}
