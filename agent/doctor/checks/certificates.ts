import { X509Certificate } from 'node:crypto'
import { counted } from '../../cli/output.ts'
import { clockSet } from '../../time/clock-set.ts'
import type { Finding } from '../finding.ts'
import type { Check, Scene } from '../scene.ts'

const DAY_MS = 86_400_000
/** Renewed at a roadside it is not: so long before its end is the time to say so. */
const SOON_DAYS = 14

/** Certificate files of the config are there, are certificates, and are in date. */
export const certificatesCheck: Check = {
  name: 'certificates',
  async run(scene) {
    const { config } = scene
    if (!config || !('tls' in config.uplink) || !config.uplink.tls) return []
    const { ca, cert } = config.uplink.tls
    return [
      ...(cert ? [look(scene, 'uplink.tls.cert', cert)] : []),
      ...(ca ? [look(scene, 'uplink.tls.ca', ca)] : []),
    ]
  },
}

function look({ probes }: Scene, at: string, file: string): Finding {
  const check = 'certificates'
  const cause = 'certificate'
  const show = `openssl x509 -noout -subject -dates -in ${file}`
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(probes.readFile(file))
  } catch (error) {
    return {
      check,
      verdict: 'broken',
      code: 'CERT_UNREADABLE',
      finding: `${at}: ${file} is no certificate that can be read: ${(error as Error).message}`,
      next: 'Put the PEM file there that the fleet gave this vehicle.',
      command: `ls -l ${file}`,
      cause,
    }
  }
  const [fromMs, toMs] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  const nowMs = probes.nowMs()
  // By a clock that is not set every certificate is out of date: that is another finding.
  const known = clockSet(nowMs * 1000)
  const days = Math.floor((toMs - nowMs) / DAY_MS)
  if (known && (nowMs > toMs || nowMs < fromMs)) {
    const when = nowMs > toMs ? `expired on ${day(toMs)}` : `is valid only from ${day(fromMs)} on`
    return {
      check,
      verdict: 'broken',
      code: 'CERT_EXPIRED',
      finding: `${at}: the certificate in ${file} ${when}.`,
      next: 'Have a new one issued for this vehicle, and put it in its place.',
      command: show,
      cause,
    }
  }
  if (known && days < SOON_DAYS) {
    return {
      check,
      verdict: 'trouble',
      code: 'CERT_EXPIRES',
      finding: `${at}: the certificate in ${file} expires in ${counted(days, 'day')}.`,
      next: 'Have a new one issued before then.',
      command: show,
      cause,
    }
  }
  return { check, verdict: 'ok', code: 'OK', finding: `${at} is good until ${day(toMs)}.`, cause }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
