import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomOf } from '../../models/training/random.ts'
import { auditTopics, type TopicsAccount } from '../../sync/kafka/audit-topics.ts'
import { readHistory } from '../../sync/kafka/history.ts'
import { LANES } from '../../sync/record.ts'
import { CentralByRoad } from './central-by-road.ts'
import { Victim } from './kills-vehicle.ts'

export interface KillsOptions {
  readonly seed: number
  readonly kills: number
  readonly vehicles?: number
  /** Default exactly-once; otherwise a retry may duplicate, and nothing else. */
  readonly delivery?: 'exactly-once' | 'at-least-once'
  /** See `Victim`. */
  readonly built?: boolean
  readonly progress?: (message: string) => void
}

export interface KillsReport {
  readonly seed: number
  readonly kills: number
  readonly cuts: number
  readonly brokerStops: number
  readonly brokerKills: number
  readonly seconds: number
  readonly account: TopicsAccount
  /** Copies that are not the record that their headers name, byte for byte. */
  readonly falseCopies: number
  /** Nothing lost or out of order, no false copy, and exactly once nothing twice. */
  readonly kept: boolean
}

/** One in five is killed while it starts, the others at work. */
const EARLY_PART = 0.2
const MAX_EARLY_MS = 3_000
const MAX_LIFE_MS = 4_000
const MAX_DOWN_MS = 1_500
const MAX_CALM_MS = 4_000
/** Cuts after 1 byte to 1 MB, each order of magnitude as likely. */
const MAX_CUT_BYTES_LOG10 = 6
const CUT_LIMIT_MS = 4_000
const TROUBLES = ['cut', 'stop', 'cut', 'kill'] as const

/**
 * Agents that are killed, a broker that is stopped and killed, a link that breaks, all at once and
 * all by chance; then the account. The seed repeats the draws; the machine adds its own timing.
 */
export async function runKills(options: KillsOptions): Promise<KillsReport> {
  const home = await mkdtemp(join(tmpdir(), 'milepost-kills-'))
  const site = new Site(home, options)
  try {
    const report = await site.run()
    await site.stop()
    await rm(home, { recursive: true, force: true })
    return report
  } catch (error) {
    await site.stop()
    throw new Error(`${(error as Error).message} (all is kept in ${home})`, { cause: error })
  }
}

class Site {
  readonly #home: string
  readonly #options: KillsOptions
  readonly #victims: Victim[] = []
  #central: CentralByRoad | undefined
  #kills = 0
  readonly #seen = { cut: 0, stop: 0, kill: 0 }

  constructor(home: string, options: KillsOptions) {
    this.#home = home
    this.#options = options
  }

  async run(): Promise<KillsReport> {
    const startMs = performance.now()
    const { seed, kills, vehicles = 2, built = false, delivery = 'exactly-once' } = this.#options
    this.#central = await CentralByRoad.start(join(this.#home, 'central'))
    for (let n = 0; n < vehicles; n++) {
      const name = `truck-${n + 1}`
      this.#victims.push(
        new Victim(name, seed + n, this.#home, {
          uplink: { brokers: [this.#central.broker], delivery },
          built,
        }),
      )
    }
    let killing = true
    const trouble = this.#trouble(randomOf(seed + 1_000), () => killing)
    const killed = Promise.all(
      this.#victims.map((victim, n) => this.#torment(victim, randomOf(seed + n), kills)),
    )
    try {
      await Promise.race([killed, trouble.then(() => killed)])
    } finally {
      killing = false
    }
    await trouble
    this.#tell('draining')
    const expected = []
    for (const victim of this.#victims) {
      expected.push({ vehicle: victim.name, ...(await victim.drain()) })
    }
    this.#tell('auditing')
    const account = await auditTopics({
      brokers: [this.#central!.bootstrap],
      topics: LANES.map((lane) => `milepost.${lane}`),
      expected,
    })
    const falseCopies = await this.#falseCopies()
    return {
      seed,
      kills: this.#kills,
      cuts: this.#seen.cut,
      brokerStops: this.#seen.stop,
      brokerKills: this.#seen.kill,
      seconds: Math.round((performance.now() - startMs) / 1000),
      account,
      falseCopies,
      kept:
        falseCopies === 0 &&
        account.epochs.every(
          ({ missing, duplicated, outOfOrder }) =>
            missing + outOfOrder === 0 && (duplicated === 0 || delivery === 'at-least-once'),
        ),
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#victims.map((victim) => victim.kill()))
    await this.#central?.stop()
  }

  /** A reader drops copies by the identity in their headers: they must then be the same in all else. */
  async #falseCopies(): Promise<number> {
    let count = 0
    for (const lane of LANES) {
      const seen = new Map<string, string>()
      const topic = `milepost.${lane}`
      for await (const batch of readHistory({ brokers: [this.#central!.bootstrap], topic })) {
        for (const { value, headers, timestampMs } of batch) {
          const hash = createHash('sha256').update(value ?? '')
          const copy = hash.update(JSON.stringify([headers, timestampMs])).digest('base64')
          const id = String(headers.ce_id)
          if ((seen.get(id) ?? copy) !== copy) count++
          seen.set(id, copy)
        }
      }
    }
    return count
  }

  /** One vehicle through its share of the kills. */
  async #torment(victim: Victim, random: () => number, kills: number): Promise<void> {
    while (this.#kills < kills) {
      this.#kills++
      victim.start()
      const early = random() < EARLY_PART
      if (!early) await victim.ready()
      await sleep(random() * (early ? MAX_EARLY_MS : MAX_LIFE_MS))
      await victim.kill()
      if (this.#kills % 10 === 0) {
        const { cut, stop, kill } = this.#seen
        this.#tell(`${this.#kills} kills, ${cut} cuts, broker ${stop} stopped, ${kill} killed`)
      }
    }
  }

  /** The link and the broker, while there is anybody to kill, and each kind of trouble once. */
  async #trouble(random: () => number, killing: () => boolean): Promise<void> {
    for (let n = 0; killing() || n < TROUBLES.length; n++) {
      await sleep(random() * MAX_CALM_MS)
      const kind = TROUBLES[n % TROUBLES.length]
      const down = () => sleep(random() * MAX_DOWN_MS)
      if (kind === 'cut') {
        const bytes = Math.ceil(10 ** (random() * MAX_CUT_BYTES_LOG10))
        await this.#central!.road.cutAfter(bytes, CUT_LIMIT_MS)
        await down()
        await this.#central!.road.link.restore()
      } else {
        await this.#central!.down(kind)
        await down()
        await this.#central!.restart()
      }
      this.#seen[kind]++
    }
  }

  #tell(message: string): void {
    this.#options.progress?.(message)
  }
}
