import { counted } from '../../cli/output.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { AgentStatus } from '../../status.ts'
import type { Finding } from '../finding.ts'
import type { Check, Scene } from '../scene.ts'

/** Records leave the vehicle. While no agent runs, only the way to the other side is looked at. */
export const uplinkCheck: Check = {
  name: 'uplink',
  async run(scene) {
    const { status, config } = scene
    const kind = status?.sync?.uplink.kind ?? config?.uplink.kind
    if (kind === undefined) return []
    if (kind === 'none') {
      const finding = 'None is configured: records stay on the vehicle.'
      return [{ check: 'uplink', verdict: 'note', code: 'UPLINK_NONE', finding, cause: 'uplink' }]
    }
    const uplink = status?.sync?.uplink
    if (uplink && (uplink.state === 'live' || uplink.state === 'throttled')) {
      return [...blockedLanes(uplink, config), ...odd(uplink), good(uplink)]
    }
    const error = uplink?.lastError
    const told = error ? [ofError(error, config)] : []
    // A refusal says all there is to say; silence is looked into.
    if (error && error.code !== 'UPLINK_OFFLINE') return told
    if (!config) return told
    const way = await theWay(scene, config)
    if (way.some(({ verdict }) => verdict === 'broken')) return way
    return told.length > 0 ? told : way
  },
}

type UplinkStatus = NonNullable<AgentStatus['sync']>['uplink']

function good({ state, sentRecords }: UplinkStatus): Finding {
  const check = 'uplink'
  const cause = 'uplink'
  if (state === 'throttled') {
    const finding = 'It is held back by uplink.limits, as the config says.'
    return { check, verdict: 'note', code: 'UPLINK_THROTTLED', finding, cause }
  }
  return {
    check,
    verdict: 'ok',
    code: 'OK',
    finding: `${counted(sentRecords, 'record')} sent.`,
    cause,
  }
}

/** Lanes that the other side does not take, while the others go on. */
function blockedLanes({ blocked = [] }: UplinkStatus, config: LoadedConfig | undefined): Finding[] {
  return blocked.map((each) => {
    const found = ofError(each, config)
    return { ...found, finding: `Lane ${each.lane} waits: ${found.finding}` }
  })
}

/** Positions that did not fit: it went on, and only an audit tells what is missing at the other side. */
function odd({ oddPositions }: UplinkStatus): Finding[] {
  if (!oddPositions) return []
  const { code, message, hint } = oddPositions
  const next = hint ? { next: hint } : {}
  const command = 'milepost audit'
  return [
    { check: 'uplink', verdict: 'note', code, finding: message, ...next, command, cause: 'uplink' },
  ]
}

function ofError(
  { code, message, hint }: NonNullable<UplinkStatus['lastError']>,
  config: LoadedConfig | undefined,
): Finding {
  const expired = /CERT_HAS_EXPIRED|certificate has expired|certificate expired/i.test(message)
  return {
    check: 'uplink',
    verdict: 'broken',
    code: expired ? 'CERT_EXPIRED' : code,
    finding: message,
    ...(hint ? { next: hint } : {}),
    command: commandFor(code, config),
    cause: code === 'UPLINK_FENCED' ? 'identity' : expired ? 'certificate' : 'uplink',
  }
}

function commandFor(code: string, config: LoadedConfig | undefined): string {
  const [first] = config ? targetsOf(config) : []
  const where = first ? `${first.host} ${first.port}` : 'HOST PORT'
  const server = first ? `${first.host}:${first.port}` : 'HOST:PORT'
  switch (code) {
    case 'UPLINK_TOPIC_MISSING':
      return `kafka-topics.sh --bootstrap-server ${server} --list`
    case 'UPLINK_DENIED':
      return config ? `sudoedit ${config.file}` : 'milepost status'
    case 'UPLINK_FENCED':
      return config ? `grep -n vehicle: ${config.file}` : 'milepost status'
    default:
      return `nc -vz ${where}`
  }
}

interface Target {
  readonly host: string
  readonly port: number
}

function targetsOf({ uplink }: LoadedConfig): Target[] {
  if (uplink.kind === 'kafka') {
    return uplink.brokers.map((broker) => {
      const at = broker.lastIndexOf(':')
      return {
        host: broker.slice(0, at).replace(/^\[|\]$/g, ''),
        port: Number(broker.slice(at + 1)),
      }
    })
  }
  if (uplink.kind !== 'mqtt') return []
  const { hostname, port, protocol } = new URL(uplink.url)
  const usual = protocol === 'mqtts:' ? 8883 : 1883
  return [{ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) }]
}

/** Name, route and port of each broker; one that can be reached is enough. */
async function theWay({ probes }: Scene, config: LoadedConfig): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const target of targetsOf(config)) {
    const finding = await reach(probes, target)
    if (!finding) {
      const found = `${target.host}:${target.port} can be reached.`
      return [{ check: 'network', verdict: 'ok', code: 'OK', finding: found, cause: 'uplink' }]
    }
    findings.push(finding)
  }
  return findings
}

async function reach(
  probes: Scene['probes'],
  { host, port }: Target,
): Promise<Finding | undefined> {
  const base = { check: 'network', verdict: 'broken', cause: 'uplink' } as const
  try {
    await probes.resolve(host)
  } catch (error) {
    return {
      ...base,
      code: 'HOST_UNKNOWN',
      finding: `The name ${host} cannot be resolved: ${(error as Error).message}`,
      next: 'Check the name in the config, then the network (antenna, SIM, cable) and its DNS.',
      command: `resolvectl query ${host}`,
    }
  }
  try {
    await probes.reach(host, port)
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const refused = code === 'ECONNREFUSED'
    const route = code === 'ENETUNREACH' || code === 'EHOSTUNREACH'
    return {
      ...base,
      code: refused ? 'PORT_CLOSED' : route ? 'NO_ROUTE' : 'UPLINK_OFFLINE',
      finding: refused
        ? `${host} is there, and nothing listens on port ${port}.`
        : `${host}:${port} cannot be reached: ${message}`,
      next: refused
        ? 'Check the port in the config, and that the broker runs.'
        : 'Check the network (antenna, SIM, cable, APN); records are kept meanwhile.',
      command: refused ? `nc -vz ${host} ${port}` : `ip route get ${host}; ip -brief address`,
    }
  }
}
