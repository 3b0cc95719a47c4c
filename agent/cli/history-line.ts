import type { HistoryRecord } from '../../sync/kafka/history.ts'

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i

/** A record as one line of JSON. JSON payloads are put in as they are, so no digit is lost. */
export function historyLine(record: HistoryRecord): string {
  const { partition, offset, timeUs, key, value } = record
  const headers: Record<string, string | null> = {}
  for (const [name, bytes] of Object.entries(record.headers)) {
    headers[name] = bytes?.toString('utf8') ?? null
  }
  const head = JSON.stringify({
    partition,
    offset,
    // Unknown where the writer had no clock.
    timeUs: timeUs < 0 ? null : timeUs,
    key: key?.toString('utf8') ?? null,
    headers,
  })
  return `${head.slice(0, -1)},${payload(value, record.contentType)}}\n`
}

function payload(value: Buffer | null, contentType: string | undefined): string {
  if (value === null) return '"value":null'
  const json = JSON_TYPE.test(contentType ?? 'application/json') ? jsonText(value) : undefined
  return json === undefined ? `"valueBase64":"${value.toString('base64')}"` : `"value":${json}`
}

/** The text of a JSON document on one line, undefined where it is none. */
function jsonText(value: Buffer): string | undefined {
  const text = value.toString('utf8')
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  // Inside of JSON strings line breaks are escaped: a bare one is only space between tokens.
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text
}
