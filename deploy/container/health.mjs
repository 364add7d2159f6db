/**
 * The health check of the container image, which has no curl: 0 when the broker in this container takes records.
 * The broker may speak TLS with a certificate for other names: it is asked on loopback, where none can stand between.
 */
import { get as getPlain } from 'node:http'
import { get as getTls } from 'node:https'

const port = /^\d+$/.test(process.env.STREAMBUS_PORT ?? '') ? process.env.STREAMBUS_PORT : '9400'
const timeoutMs = 4000

function ask(get, scheme) {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, rejectUnauthorized: false }
    const request = get(`${scheme}://127.0.0.1:${port}/health/ready`, options, (answer) => {
      let text = ''
      answer.on('data', (chunk) => (text += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode, text }))
    })
    request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)))
    request.on('error', reject)
  })
}

/** A broker that wants a client's certificate answers nobody else: that it refuses is a sign of life. */
function answerOf(error) {
  if (/CERTIFICATE_REQUIRED|certificate required/.test(`${error.code} ${error.message}`)) return { status: 200 }
  throw error
}

try {
  const { status, text } = await ask(getPlain, 'http').catch(() => ask(getTls, 'https').catch(answerOf))
  if (status !== 200) console.error(text)
  process.exitCode = status === 200 ? 0 : 1
} catch (error) {
  console.error(`no broker answers on port ${port}: ${error.message}`)
  process.exitCode = 1
}
