import { SensorError } from '../errors.ts'

/** CONNACK of 3.1.1 (3.2.2.3) and 5 (3.2.2.2) that mean: not with this user, certificate or address. */
const REFUSED_LOGIN: ReadonlySet<number> = new Set([4, 5, 0x86, 0x87, 0x8a, 0x8c])
const REFUSED_VERSION: ReadonlySet<number> = new Set([1, 0x84])

/** What the client, the socket or TLS said, as one of our codes. */
export function failureOf(url: string, error: Error & { code?: unknown }): SensorError {
  const { code, message } = error
  const { host } = new URL(url)
  if (typeof code === 'number') {
    if (REFUSED_LOGIN.has(code)) {
      return new SensorError(
        'DEVICE_DENIED',
        `The broker ${host} refuses this user (${message}).`,
        {
          cause: error,
          hint: 'Check username and password (or tls.cert) of this sensor and the broker’s list of users.',
        },
      )
    }
    if (REFUSED_VERSION.has(code)) {
      return new SensorError('DEVICE_PROTOCOL', `The broker ${host} does not speak this version.`, {
        cause: error,
        hint: 'Set version: "3.1.1" (or "5") for this sensor.',
      })
    }
  }
  if (isCertificateTrouble(code, message)) {
    return new SensorError('DEVICE_DENIED', `No trusted TLS with ${host}: ${message}`, {
      cause: error,
      hint: `Set tls.ca to the authority that signed the broker (see: openssl s_client -connect ${host}), use the name that its certificate has, and check the clock of this machine.`,
    })
  }
  return new SensorError(
    'DEVICE_MISSING',
    `No MQTT broker answers at ${host}: ${message || code}`,
    {
      cause: error,
      hint: `Check address, port and network with: nc -vz ${host.replace(':', ' ')}`,
    },
  )
}

/** Codes of Node.js's TLS and OpenSSL for a chain or name that does not hold. */
function isCertificateTrouble(code: unknown, message: string): boolean {
  if (/certificate|self.signed|altname|ssl|tls/i.test(message)) return true
  return typeof code === 'string' && /^ERR_(TLS|SSL)|CERT|UNABLE_TO_/.test(code)
}
