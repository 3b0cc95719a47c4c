import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { KafkaUplinkConfig } from '../../../sync/kafka/kafka-uplink.ts'
import { LANES, type Lane } from '../../../sync/record.ts'
import { Sync, type SyncOptions } from '../../../sync/sync-thread.ts'
import { until } from '../../support/until.ts'
import { record } from '../support.ts'

/** The whole way out of one vehicle: outbox, thread, pump, Kafka; as the agent has it. */
export class Side {
  readonly sync: Sync
  readonly given: Record<Lane, number> = { critical: 0, events: 0, telemetry: 0 }

  private constructor(sync: Sync) {
    this.sync = sync
  }

  static async start(
    t: TestContext,
    vehicle: string,
    config: KafkaUplinkConfig,
    pump: SyncOptions['pump'] = {},
  ): Promise<Side> {
    const folder = mkdtempSync(join(tmpdir(), 'milepost-side-'))
    const sync = await Sync.start({
      outbox: { path: join(folder, 'outbox.db'), vehicle, bootId: 'b', groupCommitMs: 5 },
      uplink: { kind: 'kafka', ...config },
      pump: { minRetryMs: 50, minLaneRetryMs: 100, maxLaneRetryMs: 500, ...pump },
      handoverMs: 0,
    })
    t.after(async () => {
      await sync.close()
      rmSync(folder, { recursive: true, force: true })
    })
    return new Side(sync)
  }

  /** Some records in each of these lanes. */
  give(count: number, lanes: readonly Lane[] = LANES): void {
    for (let n = 0; n < count; n++) {
      for (const lane of lanes) {
        this.sync.append(record(lane, `${++this.given[lane]}`, { timeUs: Date.now() * 1000 }))
      }
    }
  }

  waiting(lane: Lane): number {
    return this.sync.status().lanes[lane].records
  }

  /** What status says of a lane that is not taken. */
  blocked(lane: Lane) {
    return this.sync.status().uplink.blocked?.find((each) => each.lane === lane)
  }

  /** Waits until all that was given to these lanes is away. */
  async drained(lanes: readonly Lane[]): Promise<void> {
    await this.sync.flush()
    const from = this.sync.status().timeUs
    await until(`${lanes} drained`, () => {
      const { timeUs } = this.sync.status()
      return timeUs > from && lanes.every((lane) => this.waiting(lane) === 0)
    }).catch((error) => {
      throw new Error(`${error.message}; ${JSON.stringify(this.sync.status().uplink)}`)
    })
  }

  /** Waits until status tells that a lane is blocked and was tried several times. */
  async blockedFor(lane: Lane, tries = 3) {
    await until(`${lane} tried ${tries} times`, () => (this.blocked(lane)?.tries ?? 0) >= tries)
    return this.blocked(lane)!
  }
}
