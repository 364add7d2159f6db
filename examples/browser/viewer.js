/**
 * Shows a topic live. The client does the hard part: it connects again by itself and goes on exactly where it was, so
 * this page only shows what comes. Runs on: a browser.
 */
import { connect } from '/streambus.js'

const shownCount = 200
const lastCount = 50
const showEveryMs = 100

const element = (id) => document.getElementById(id)
const form = element('form')
const rows = element('rows')

/** What is being watched; undefined: nothing. */
let watch

class Watch {
  constructor({ server, topic, from, token }) {
    this.server = server
    this.topic = topic
    this.from = from === 'last' ? { last: lastCount } : from
    this.token = token === '' ? undefined : token
    this.recordCount = 0
    this.byteCount = 0
    this.lag = new Map()
    this.fresh = []
    this.leaving = new AbortController()
  }

  /** Until `stop`; rejects when it can't go on. */
  async run() {
    const { server, token, topic, from } = this
    const { signal } = this.leaving
    this.client = await connect({ server, token, clientName: 'topic viewer', signal, onStateChange: showState })
    try {
      // What is shown decides the pace: no more is on its way than this much for each partition.
      for await (const batch of this.client.consumer({ topic, from, signal, creditBytes: 512 * 1024 })) this.take(batch)
    } finally {
      await this.client.close()
    }
  }

  take(batch) {
    this.byteCount += batch.sizeBytes
    this.lag.set(batch.partition, batch.highWatermark - batch.lastOffset - 1)
    for (const record of batch.records()) {
      this.recordCount++
      this.fresh.push(record)
    }
    // Older ones would never be seen.
    if (this.fresh.length > 2 * shownCount) this.fresh = this.fresh.slice(-shownCount)
  }

  stop() {
    this.leaving.abort(new Error('stopped'))
  }
}

const decoder = new TextDecoder()
const textOf = (bytes) => (bytes === null ? '' : decoder.decode(bytes))
const timeOf = (timestampMs) => new Date(timestampMs).toISOString().slice(11, 23)

function rowOf(record) {
  const row = document.createElement('tr')
  const { partition, offset, timestampMs, key, value } = record
  for (const [index, text] of [partition, offset, timeOf(timestampMs), textOf(key), textOf(value)].entries()) {
    const cell = row.insertCell()
    // Never as HTML: what is in a topic was written by somebody else.
    cell.textContent = String(text)
    cell.title = cell.textContent
    if (index < 2) cell.className = 'number'
  }
  return row
}

const units = ['B', 'kB', 'MB', 'GB', 'TB']

function sizeText(bytes) {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

let shownRecords = 0
let rateSinceMs = performance.now()

/** A few times a second, whatever the rate: a page that draws each record is busy with drawing. */
function show() {
  if (watch === undefined) return
  // Partitions come in turn; what came together is shown by its time.
  const fresh = watch.fresh.splice(0).sort((a, b) => b.timestampMs - a.timestampMs || b.offset - a.offset)
  rows.prepend(...fresh.slice(0, shownCount).map(rowOf))
  while (rows.children.length > shownCount) rows.lastChild.remove()
  element('empty').hidden = rows.children.length > 0
  element('count').textContent = watch.recordCount.toLocaleString('en')
  element('bytes').textContent = sizeText(watch.byteCount)
  element('lag').textContent = [...watch.lag.values()].reduce((sum, lag) => sum + lag, 0).toLocaleString('en')
  const nowMs = performance.now()
  if (nowMs - rateSinceMs < 1000) return
  const rate = Math.round(((watch.recordCount - shownRecords) * 1000) / (nowMs - rateSinceMs))
  element('rate').textContent = rate.toLocaleString('en')
  shownRecords = watch.recordCount
  rateSinceMs = nowMs
}

const stateTexts = { idle: 'not connected', connected: 'connected', lost: 'connecting again ...', refused: 'refused' }

function showState(state) {
  element('state').dataset.state = state
  element('state').textContent = stateTexts[state]
}

function showError(error) {
  element('error').hidden = error === undefined
  if (error !== undefined) element('error').textContent = [error.message, error.remedy].filter(Boolean).join('\n')
}

async function start(settings) {
  const mine = new Watch(settings)
  watch = mine
  shownRecords = 0
  rows.replaceChildren()
  showError(undefined)
  element('toggle').textContent = 'Stop'
  try {
    await mine.run()
  } catch (error) {
    if (!mine.leaving.signal.aborted) showError(error)
  }
  show()
  watch = undefined
  element('toggle').textContent = 'Watch'
  showState('idle')
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (watch === undefined) void start(Object.fromEntries(new FormData(form)))
  else watch.stop()
})

setInterval(show, showEveryMs)

// ?server=HOST:PORT&topic=NAME fills the form. A token is never taken from the address: addresses are kept in logs.
const given = new URLSearchParams(location.search)
for (const name of ['server', 'topic', 'from']) if (given.has(name)) form.elements[name].value = given.get(name)
if (given.has('topic')) form.requestSubmit()
