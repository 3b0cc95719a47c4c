import type { RelayConfig } from '../../sync/relay/relay.ts'
import type { RelayStatus } from '../../sync/relay/status.ts'
import { Child, ended } from './child.ts'
import type { CpuMeter } from './cpu.ts'

type RelayTold = RelayStatus & { cpuSec: number }

/** A relay that is killed and started again, and what it did over all its lives. */
export class KilledRelay {
  readonly #config: RelayConfig
  readonly #cpu: CpuMeter
  #child: Child<RelayTold>
  #before = 0
  killed = 0

  constructor(config: RelayConfig, cpu: CpuMeter) {
    this.#config = config
    this.#cpu = cpu
    this.#child = this.#start()
  }

  get state(): string {
    const { state, forward } = this.#child.last ?? {}
    return state === undefined ? 'starting' : `${state}, forwarding ${forward!.state}`
  }

  get waiting(): number {
    const { critical = 0, events = 0, telemetry = 0 } = this.#child.last?.waiting ?? {}
    return critical + events + telemetry
  }

  /** At least so many are in Kafka; a relay that was killed had sent a few more than it told. */
  get forwarded(): number {
    return this.#before + (this.#child.last?.forward.sentRecords ?? 0)
  }

  /** When Kafka last acknowledged anything, microseconds since the epoch; 0 where it has not since the last start. */
  get lastAckTimeUs(): number {
    return this.#child.last?.forward.lastAckTimeUs ?? 0
  }

  /** It has told so since it was started, and all that it took is in Kafka. */
  get empty(): boolean {
    return this.#child.last?.forward.state === 'live' && this.waiting === 0
  }

  async live(signal: AbortSignal): Promise<void> {
    await this.#child.until((t) => t.state === 'live' && t.forward.state === 'live', signal)
  }

  look(): void {
    if (!this.#child.alive) throw ended('The relay')
  }

  async killAndRestart(): Promise<void> {
    this.#cpu.look()
    this.#before = this.forwarded
    this.killed++
    await this.#child.kill()
    this.#child = this.#start()
  }

  async kill(): Promise<void> {
    await this.#child.kill()
  }

  end(): Promise<void> {
    return this.#child.end()
  }

  #start(): Child<RelayTold> {
    const child = new Child<RelayTold>('relay-process', this.#config)
    this.#cpu.follow('relay', child.pid, true)
    return child
  }
}
