import type { SignalCatalog } from '../sensors/reading.ts'
import type { Clock } from '../sensors/sensor.ts'
import type { Lane } from '../sync/record.ts'
import type { Buses } from './buses.ts'
import type { Channels } from './channels.ts'
import type { Campaign, Collected } from './collection/campaign.ts'
import type { LoadedConfig } from './config/load.ts'
import type { Fence } from './fence.ts'
import type { Logger } from './log.ts'
import { loadModels, type Models } from './models.ts'
import type { NamedReadings } from './names/named-readings.ts'
import { type FrameDecoder, Pipeline } from './pipeline.ts'
import { sensorHost } from './sensor-host.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import type { Taps } from './taps.ts'

/** How often campaigns look whether readings still come. */
const TICK_MS = 1000

interface Parts {
  readonly config: LoadedConfig
  readonly catalog: SignalCatalog
  readonly clock: Clock
  readonly log: Logger
  readonly fence: Fence
  readonly buses: Buses
  readonly channels: Channels
  readonly taps: Taps
  readonly decoder: FrameDecoder | undefined
  readonly campaigns: readonly Campaign[]
  readonly named: NamedReadings
  keep(lane: Lane, type: string, timeUs: number, content: Record<string, unknown>): void
}

/** The reading side of an agent: sensors, pipeline, models, joined and not yet started. */
export class ReadingSide {
  readonly models: Models
  readonly pipeline: Pipeline
  readonly supervisor: Supervisor
  readonly #parts: Parts
  #ticking: NodeJS.Timeout | undefined

  /** Loads what may be refused, so that nothing has been opened by then. */
  static async load(parts: Parts): Promise<ReadingSide> {
    const { config, catalog, clock, log, keep, taps } = parts
    let side: ReadingSide | undefined
    const keepIn = (lane: Lane, { type, timeUs, content }: Collected): void =>
      keep(lane, type, timeUs, content)
    const models = await loadModels(config, catalog, clock, log, {
      keep: keepIn,
      began: (model, timeUs, score) => side?.pipeline.anomaly(model, timeUs, score),
      inference: (model, inference) => taps.inference(model, inference),
    })
    side = new ReadingSide(parts, models, keepIn)
    return side
  }

  private constructor(
    parts: Parts,
    models: Models,
    keepIn: (lane: Lane, record: Collected) => void,
  ) {
    const { config, catalog, decoder, campaigns, taps, fence, buses, keep } = parts
    this.#parts = parts
    this.models = models
    this.pipeline = new Pipeline({
      catalog,
      decoder,
      campaigns,
      observers: [...models.observers, { name: 'taps', observe: (batch) => taps.readings(batch) }],
      keep: (campaign, record) => keepIn(campaign.config.lane, record),
      caught: fence.caught,
    })
    const event = (type: string, timeUs: number, content: Record<string, unknown>): void =>
      keep('events', type, timeUs, content)
    const host = sensorHost({ ...parts, pipeline: this.pipeline, event, caught: fence.caught })
    this.supervisor = new Supervisor(config.sensors, (name) => buses.indexOf(name), host)
  }

  async start(signal: AbortSignal | undefined): Promise<void> {
    const { clock, fence } = this.#parts
    const tick = (): void => this.pipeline.tick(clock.monoUs())
    this.#ticking = setInterval(() => fence.run('tick', tick), TICK_MS)
    await this.supervisor.start(signal)
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticking)
    await this.supervisor.stop()
  }
}
