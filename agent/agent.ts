import { join } from 'node:path'
import { SignalCatalog } from '../sensors/reading.ts'
import type { Clock } from '../sensors/sensor.ts'
import type { Lane } from '../sync/record.ts'
import { Sync } from '../sync/sync-thread.ts'
import { Buses } from './buses.ts'
import { Channels } from './channels.ts'
import { bootId, clockState, stampsOf, systemClock } from './clock.ts'
import { makeCampaigns } from './collection/campaigns.ts'
import { knownSignals } from './collection/known-signals.ts'
import type { LoadedConfig } from './config/load.ts'
import { ControlServer } from './control/server.ts'
import { socketPath } from './control/socket-path.ts'
import { prepareDataDir } from './data-dir.ts'
import { type Decoding, loadDecoder } from './decoding.ts'
import { delivered, type Leftover } from './delivery.ts'
import { Fence } from './fence.ts'
import { Health, healthOf } from './health.ts'
import type { Logger } from './log.ts'
import { loadModels, type Models } from './models.ts'
import { NamedReadings } from './names/named-readings.ts'
import { Names } from './names/names.ts'
import { Pipeline } from './pipeline.ts'
import { AgentRelay } from './relay.ts'
import { type AgentStatus, type DecodeStatus, VERSION } from './status.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { TakingDown } from './taking-down.ts'
import { TimeWatch } from './time/time-watch.ts'

/** Above the bound that the outbox has itself. */
const OUTBOX_LIMIT_MS = 60_000

/** How often campaigns look whether readings still come. */
const TICK_MS = 1000

/** One running agent: every part made, joined and, at the end, taken down in order. */
export class Agent {
  readonly #config: LoadedConfig
  readonly #clock: Clock
  readonly #startedUs: number
  readonly #catalog = new SignalCatalog()
  readonly #buses = new Buses()
  readonly #log: Logger
  readonly #fence: Fence
  readonly #channels: Channels
  #sync!: Sync
  #relay: AgentRelay | undefined
  #models!: Models
  #pipeline!: Pipeline
  #decodeStatus: () => DecodeStatus | undefined = () => undefined
  #reads: Decoding['reads'] = () => undefined
  #supervisor!: Supervisor
  #control!: ControlServer
  /** Time of day as a satellite receiver told it last. */
  #timeSeen: { sensor: string; utcUs: number; monoUs: number } | undefined
  #ticking: NodeJS.Timeout | undefined
  #health: Health | undefined
  #time: TimeWatch | undefined
  #stopping: Promise<void> | undefined

  private constructor(config: LoadedConfig, log: Logger, clock: Clock) {
    this.#config = config
    this.#log = log
    this.#clock = clock
    this.#fence = new Fence(log)
    this.#channels = new Channels((bus) => {
      const name = this.#buses.nameOf(bus)
      return { name, send: config.buses[name]?.send ?? [], reads: this.#reads(bus) }
    }, this.#fence.caught)
    this.#startedUs = clock.nowUs()
  }

  /**
   * Starts an agent, or throws with nothing left running: what can be refused (DBC files, bundles, a
   * second agent on the same data) is looked at before the first device is opened. Where `signal` aborts
   * before it runs, all is taken down again and the signal's reason is thrown.
   */
  static async start(
    config: LoadedConfig,
    log: Logger,
    clock: Clock = systemClock,
    signal?: AbortSignal,
  ): Promise<Agent> {
    const agent = new Agent(config, log, clock)
    try {
      await agent.#open(signal)
    } catch (error) {
      // What fails on the way down is in the log; why the start failed is what to tell.
      const failed = await agent.stop().then(
        () => undefined,
        (stopError: unknown) => stopError,
      )
      throw failed && signal?.aborted && error === signal.reason ? failed : error
    }
    return agent
  }

  async #open(signal: AbortSignal | undefined): Promise<void> {
    const config = this.#config
    signal?.throwIfAborted()
    prepareDataDir(config.dataDir)
    const names = new Names(config, this.#log)
    const decoding = await loadDecoder(config, this.#buses, this.#catalog, names, this.#log)
    const known = knownSignals(this.#catalog, config.sensors)
    names.warnOfUnused(known)
    signal?.throwIfAborted()
    this.#decodeStatus = decoding.status
    this.#reads = decoding.reads
    const fetch = (sensor: string, what: string): void => this.#fetch(sensor, what)
    const campaigns = makeCampaigns(config, { catalog: this.#catalog, known, fetch }, this.#log)
    this.#control = await ControlServer.listen(socketPath(config.dataDir), {
      'GET /status': () => this.status(),
      'GET /signals': () => this.signals(),
    })
    this.#sync = await Sync.start({
      outbox: {
        path: join(config.dataDir, 'outbox.db'),
        vehicle: config.vehicle,
        bootId: bootId(),
        maxBytes: config.outbox.maxMiB * 2 ** 20,
        groupCommitMs: config.outbox.groupCommitMs,
      },
      uplink: config.uplink,
    })
    signal?.throwIfAborted()
    this.#time = new TimeWatch(this.#clock, this.#sync, this.#log)
    this.#relay = await AgentRelay.start(config, this.#log)
    this.#models = await loadModels(config, this.#catalog, this.#clock, this.#log, {
      keep: (lane, record) => this.#keep(lane, record.type, record.timeUs, record.content),
      began: (model, timeUs, score) => this.#pipeline.anomaly(model, timeUs, score),
    })
    signal?.throwIfAborted()
    this.#pipeline = new Pipeline({
      catalog: this.#catalog,
      decoder: decoding.decoder,
      campaigns,
      observers: this.#models.observers,
      keep: (campaign, record) =>
        this.#keep(campaign.config.lane, record.type, record.timeUs, record.content),
      caught: this.#fence.caught,
    })
    const named = new NamedReadings(names, this.#catalog, this.#log)
    this.#tell('milepost.agent.started.v1', { version: VERSION, node: process.version })
    this.#supervisor = new Supervisor(config.sensors, (name) => this.#buses.indexOf(name), {
      catalog: this.#catalog,
      clock: this.#clock,
      frames: (batch) => {
        this.#pipeline.frames(batch)
        this.#channels.route(batch)
      },
      bus: (index) => this.#channels.of(index),
      readings: (batch) => named.apply(batch, (given) => this.#pipeline.readings(given)),
      event: (sensor, type, content, timeUs) =>
        this.#keep('events', type, timeUs, { sensor, timeUs, ...content }),
      timeSeen: (sensor, utcUs, monoUs) => {
        this.#timeSeen = { sensor, utcUs, monoUs }
        this.#time?.satellite(utcUs, monoUs)
      },
      changed: (status) => {
        const { id, state, lastError } = status
        const level = state === 'live' || state === 'off' || state === 'starting' ? 'info' : 'warn'
        this.#log[level]({ sensor: id, state, ...lastError }, `sensor ${id} is ${state}`)
      },
      caught: this.#fence.caught,
    })
    if (config.health) {
      this.#health = new Health(config.health.cron, this.#log, () => {
        const nowUs = this.#clock.nowUs()
        this.#keep('events', 'milepost.health.v1', nowUs, healthOf(this.status()))
      })
    }
    const tick = (): void => this.#pipeline.tick(this.#clock.monoUs())
    this.#ticking = setInterval(() => this.#fence.run('tick', tick), TICK_MS)
    await this.#supervisor.start(signal)
    signal?.throwIfAborted()
  }

  /** Asks a sensor for something out of turn, because a campaign's trigger says so. */
  #fetch(sensor: string, what: string): void {
    if (this.#supervisor.fetch(sensor, what)) return
    this.#log.warn({ sensor, what }, `sensor ${sensor} cannot be asked for ${what} now`)
  }

  /** Settles when every sensor has come to its end: a replay without a loop. */
  async ended(): Promise<void> {
    await this.#supervisor.ended()
  }

  /**
   * Resolves once all that was collected so far has been delivered, or after `limitMs`; where there is
   * no uplink, once it is committed. Answers what is left.
   */
  delivered(limitMs: number): Promise<Leftover> {
    return delivered(this.#sync, this.#clock, limitMs)
  }

  status(): AgentStatus {
    const nowUs = this.#clock.nowUs()
    return {
      vehicle: this.#config.vehicle,
      version: VERSION,
      pid: process.pid,
      state: this.#stopping ? 'stopping' : 'running',
      startedUs: this.#startedUs,
      nowUs,
      clock: clockState(nowUs),
      ...(this.#timeSeen ? { timeSeen: this.#timeSeen } : {}),
      sensors: this.#supervisor?.status() ?? [],
      buses: this.#channels.status(),
      decode: this.#decodeStatus(),
      signals: { known: this.#catalog.size, refused: this.#catalog.refused },
      readings: this.#pipeline?.readingsSeen ?? 0,
      records: this.#pipeline?.recordsMade ?? 0,
      models: this.#models?.status() ?? [],
      sync: this.#sync?.status(),
      relay: this.#relay?.status(),
      faults: this.#fence.status(),
      memoryBytes: process.memoryUsage.rss(),
    }
  }

  /** The latest reading of every signal seen so far. */
  signals(): { name: string; unit: string; value: number; timeUs: number }[] {
    // The control socket answers before the pipeline is there.
    if (!this.#pipeline) return []
    const { value, timeUs } = this.#pipeline.latest
    return this.#catalog
      .all()
      .filter((signal) => timeUs[signal.index] > 0)
      .map(({ index, name, unit }) => ({ name, unit, value: value[index], timeUs: timeUs[index] }))
  }

  /**
   * Stops reading, keeps what was collected, hands over what can be, and lets go of everything, each
   * step bounded in time. Rejects with `STOP_FAILED` where a step failed; the others were done.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #close(): Promise<void> {
    clearInterval(this.#ticking)
    const down = new TakingDown(this.#log)
    await down.step('health', () => this.#health?.stop())
    await down.step('sensors', () => this.#supervisor?.stop())
    if (this.#sync) {
      await down.step('campaigns', () => this.#pipeline?.close())
      const frames = this.#pipeline?.framesSeen
      await down.step('farewell', () => this.#tell('milepost.agent.stopped.v1', { frames }))
    }
    await down.step('relay', () => this.#relay?.close())
    await down.step('time', () => this.#time?.stop())
    await down.step('outbox', () => this.#sync?.close(), OUTBOX_LIMIT_MS)
    await down.step('models', () => this.#models?.close())
    await down.step('control socket', () => this.#control?.close())
    down.finish()
  }

  /** A record about the agent itself. */
  #tell(type: string, content: Record<string, unknown>): void {
    this.#keep('critical', type, this.#clock.nowUs(), content)
  }

  #keep(lane: Lane, type: string, timeUs: number, content: Record<string, unknown>): void {
    this.#sync.append({
      lane,
      type,
      timeUs,
      ...stampsOf(this.#clock, timeUs),
      payload: JSON.stringify(content),
    })
  }
}
