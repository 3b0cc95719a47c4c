import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { LANES, type Lane } from './record.ts'

/** What may go out, and where: `uplink.limits` of the config. */
export interface UplinkLimits {
  /**
   * Bytes of payload a second, over some seconds. `critical` never waits for it, but counts: the
   * other lanes wait longer for what it took.
   */
  readonly maxBytesPerSec?: number
  /** Lanes that wait for one of `bulkNetworks`. Default `telemetry`. */
  readonly bulkLanes?: readonly Lane[]
  /** Names of network interfaces, `*` for any run of characters, or networks (`10.20.0.0/16`). */
  readonly bulkNetworks?: readonly string[]
}

type Interfaces = () => Readonly<
  Record<string, readonly { address: string; internal: boolean }[] | undefined>
>

const NETWORKS_EVERY_MS = 1_000
/** Saved up while nothing is sent. */
const BURST_SEC = 1
const NONE: ReadonlySet<Lane> = new Set()
const PACED: readonly Lane[] = LANES.filter((lane) => lane !== 'critical')

/** Says which lanes have to wait just now. */
export class Throttle {
  readonly #limits: UplinkLimits
  readonly #nowMs: () => number
  readonly #interfaces: Interfaces
  #balance: number
  #refilledMs: number
  #lookedMs = Number.NEGATIVE_INFINITY
  #atBulkNetwork = false

  constructor(
    limits: UplinkLimits = {},
    nowMs: () => number = () => performance.now(),
    interfaces: Interfaces = networkInterfaces,
  ) {
    this.#limits = limits
    this.#nowMs = nowMs
    this.#interfaces = interfaces
    this.#balance = (limits.maxBytesPerSec ?? 0) * BURST_SEC
    this.#refilledMs = nowMs()
  }

  /** Lanes that may not send now. */
  held(): ReadonlySet<Lane> {
    const { maxBytesPerSec, bulkNetworks, bulkLanes = ['telemetry'] } = this.#limits
    if (maxBytesPerSec === undefined && bulkNetworks === undefined) return NONE
    const held = new Set<Lane>()
    if (bulkNetworks && !this.#allowsBulk(bulkNetworks))
      for (const lane of bulkLanes) held.add(lane)
    if (maxBytesPerSec !== undefined) {
      this.#refill(maxBytesPerSec)
      if (this.#balance <= 0) for (const lane of PACED) held.add(lane)
    }
    return held
  }

  /** Milliseconds until the answer of `held` may be another one. */
  get lookAgainMs(): number {
    const { maxBytesPerSec } = this.#limits
    const debt = maxBytesPerSec && this.#balance <= 0 ? (1 - this.#balance) / maxBytesPerSec : 0
    const refillMs = debt * 1000
    return refillMs > 0 ? Math.min(refillMs, NETWORKS_EVERY_MS) : NETWORKS_EVERY_MS
  }

  /** Takes note of bytes sent; a batch may go below zero, and what follows waits for it. */
  spend(bytes: number): void {
    if (this.#limits.maxBytesPerSec !== undefined) this.#balance -= bytes
  }

  #refill(bytesPerSec: number): void {
    const nowMs = this.#nowMs()
    const gained = ((nowMs - this.#refilledMs) / 1000) * bytesPerSec
    this.#balance = Math.min(this.#balance + gained, bytesPerSec * BURST_SEC)
    this.#refilledMs = nowMs
  }

  #allowsBulk(networks: readonly string[]): boolean {
    const nowMs = this.#nowMs()
    if (nowMs - this.#lookedMs >= NETWORKS_EVERY_MS) {
      this.#lookedMs = nowMs
      this.#atBulkNetwork = isAt(networks, this.#interfaces())
    }
    return this.#atBulkNetwork
  }
}

function isAt(networks: readonly string[], interfaces: ReturnType<Interfaces>): boolean {
  const subnets = new BlockList()
  const names: RegExp[] = []
  for (const network of networks) {
    const [address, prefix] = network.split('/')
    const version = isIP(address)
    if (version > 0 && prefix !== undefined) {
      subnets.addSubnet(address, Number(prefix), version === 4 ? 'ipv4' : 'ipv6')
    } else names.push(globOf(network))
  }
  return Object.entries(interfaces).some(([name, addresses = []]) => {
    const reachable = addresses.filter(({ internal }) => !internal)
    if (reachable.length === 0) return false
    return (
      names.some((wanted) => wanted.test(name)) ||
      reachable.some(({ address }) => subnets.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'))
    )
  })
}

function globOf(text: string): RegExp {
  const escaped = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`)
}
