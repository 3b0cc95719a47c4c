import { SyncError } from '../errors.ts'

/** Reason codes of MQTT 5 (2.4) that mean: not with this user, certificate, address or topic. */
const DENIED: ReadonlySet<number> = new Set([0x86, 0x87, 0x8a, 0x8c])
const SESSION_TAKEN_OVER = 0x8e
const TOPIC_NAME_INVALID = 0x90
const PACKET_TOO_LARGE = 0x95
const PAYLOAD_FORMAT_INVALID = 0x99

/** What a broker, a socket or TLS said, in the words of this room. */
export function mqttFailure(url: string, error: unknown, doing: string): SyncError {
  if (error instanceof SyncError) return error
  const { code, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string }
  if (typeof code === 'number') return reasonFailure(url, code, doing, error)
  if (/certificate|self.signed|altname|\bssl\b|\btls\b/i.test(message) || isTlsCode(code)) {
    return new SyncError('UPLINK_OFFLINE', `${doing}: no trusted TLS: ${message}`, {
      cause: error,
      hint: 'Set tls.ca to the authority that signed the broker, use the name that its certificate has, and check the clock of this machine.',
    })
  }
  return new SyncError('UPLINK_OFFLINE', `${doing}: ${message || String(code)}`, {
    cause: error,
    hint: `Check address, port and network with: nc -vz ${new URL(url).host.replace(':', ' ')}; what is in the outbox is kept meanwhile.`,
  })
}

/** A reason code that the broker gave. */
export function reasonFailure(
  url: string,
  code: number,
  doing: string,
  cause?: unknown,
): SyncError {
  const message = `${doing}: ${new URL(url).host} answers 0x${code.toString(16)}`
  if (code === SESSION_TAKEN_OVER) {
    return new SyncError('UPLINK_FENCED', message, {
      cause,
      hint: 'Another device connects under the same vehicle name. Give each device its own `vehicle`, then start this one again.',
    })
  }
  if (DENIED.has(code)) {
    return new SyncError('UPLINK_DENIED', message, {
      cause,
      hint: 'Check username and password (or tls.cert), and the broker’s access list for this vehicle’s topics (sync/mqtt/README.md).',
    })
  }
  if ([TOPIC_NAME_INVALID, PACKET_TOO_LARGE, PAYLOAD_FORMAT_INVALID].includes(code)) {
    return new SyncError('UPLINK_REJECTED', message, {
      cause,
      hint: 'The broker refuses what is in a record; compare its largest packet size with it.',
    })
  }
  return new SyncError('UPLINK_OFFLINE', message, {
    cause,
    hint: 'The broker is reached but does not serve us now; it is tried again by itself.',
  })
}

/** Codes of Node.js's TLS and OpenSSL for a chain or name that does not hold. */
function isTlsCode(code: unknown): boolean {
  return typeof code === 'string' && /^ERR_(TLS|SSL)|CERT|UNABLE_TO_/.test(code)
}
