import { SignalCatalog } from '../sensors/reading.ts'
import type { Lane } from '../sync/record.ts'
import type { Sync } from '../sync/sync-thread.ts'
import { Api } from './api/api.ts'
import type { Operation } from './api/operation.ts'
import { statusOperations } from './api/operations/status.ts'
import { Buses } from './buses.ts'
import { Channels } from './channels.ts'
import { makeCampaigns } from './collection/campaigns.ts'
import { knownSignals } from './collection/known-signals.ts'
import type { LoadedConfig } from './config/load.ts'
import { ControlServer } from './control/server.ts'
import { socketPath } from './control/socket-path.ts'
import { prepareDataDir } from './data-dir.ts'
import { type Decoding, loadDecoder, NO_DECODING } from './decoding.ts'
import { delivered, type Leftover } from './delivery.ts'
import { Fence } from './fence.ts'
import type { Logger } from './log.ts'
import { NamedReadings } from './names/named-readings.ts'
import { Names } from './names/names.ts'
import { openSync } from './open-sync.ts'
import type { PartContext } from './part.ts'
import { ReadingSide } from './reading-side.ts'
import { RunningParts } from './running-parts.ts'
import { type AgentStatus, type SignalNow, signalsOf, VERSION } from './status.ts'
import { TakingDown } from './taking-down.ts'
import { Taps } from './taps.ts'
import { ClockTrust, type KeptClock } from './time/clock-trust.ts'
import { machineClock } from './time/machine-clock.ts'
import { stampsOf } from './time/stamps.ts'
import { type Planned, withReleases } from './updates/with-releases.ts'

/** Above the bound that the outbox has itself. */
const OUTBOX_LIMIT_MS = 60_000

/** One running agent: every part made, joined and, at the end, taken down in order. */
export class Agent {
  readonly #planned: Planned
  readonly #config: LoadedConfig
  readonly #clock: KeptClock
  readonly #clockTrust: ClockTrust
  readonly #startedUs: number
  readonly #catalog = new SignalCatalog()
  readonly #buses = new Buses()
  readonly #log: Logger
  readonly #fence: Fence
  readonly #channels: Channels
  readonly #taps: Taps
  readonly #api: Api
  readonly #parts: RunningParts
  #decoding: Decoding = NO_DECODING
  #sync!: Sync
  #reading: ReadingSide | undefined
  #control!: ControlServer
  #timeSeen: AgentStatus['timeSeen']
  #stopping: Promise<void> | undefined

  private constructor(planned: Planned, log: Logger, clock: KeptClock) {
    const { config } = planned
    this.#planned = planned
    this.#config = config
    this.#log = log
    this.#clock = clock
    this.#clockTrust = new ClockTrust(clock, config.clock.battery)
    this.#fence = new Fence(log)
    this.#taps = new Taps(this.#fence.caught)
    this.#api = new Api((content) => this.#tell('milepost.operated.v1', content))
    this.#parts = new RunningParts(this.#fence.caught)
    this.#channels = new Channels((bus) => {
      const name = this.#buses.nameOf(bus)
      return { name, send: config.buses[name]?.send ?? [], reads: this.#decoding.reads(bus) }
    }, this.#fence.caught)
    this.#startedUs = clock.nowUs()
    this.#taps.watch('status', {
      timeSeen: (sensor, utcUs, monoUs) => {
        this.#timeSeen = { sensor, utcUs, monoUs }
      },
    })
  }

  /**
   * Starts an agent, or throws with nothing left running: what can be refused (DBC files, bundles, a
   * second agent on the same data) is looked at before the first device is opened. Where `signal` aborts
   * before it runs, all is taken down again and the signal's reason is thrown.
   */
  static async start(
    config: LoadedConfig,
    log: Logger,
    clock: KeptClock = machineClock,
    signal?: AbortSignal,
  ): Promise<Agent> {
    const agent = new Agent(await withReleases(config), log, clock)
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
    this.#decoding = await loadDecoder(config, this.#buses, this.#catalog, names, this.#log)
    const known = knownSignals(this.#catalog, config.sensors)
    names.warnOfUnused(known)
    signal?.throwIfAborted()
    const fetch = (sensor: string, what: string): void => {
      if (this.#reading?.supervisor.fetch(sensor, what)) return
      this.#log.warn({ sensor, what }, `sensor ${sensor} cannot be asked for ${what} now`)
    }
    const campaigns = makeCampaigns(config, { catalog: this.#catalog, known, fetch }, this.#log)
    this.#api.add(...statusOperations(this.#api, this))
    this.#control = await ControlServer.listen(socketPath(config.dataDir), this.#api)
    this.#sync = await openSync(config)
    signal?.throwIfAborted()
    await this.#parts.start(this.#partContext())
    this.#api.complete()
    this.#reading = await ReadingSide.load({
      config,
      catalog: this.#catalog,
      clock: this.#clock,
      log: this.#log,
      fence: this.#fence,
      buses: this.#buses,
      channels: this.#channels,
      taps: this.#taps,
      decoder: this.#decoding.decoder,
      campaigns,
      named: new NamedReadings(names, this.#catalog, this.#log),
      keep: (lane, type, timeUs, content) => this.#keep(lane, type, timeUs, content),
    })
    signal?.throwIfAborted()
    this.#tell('milepost.agent.started.v1', { version: VERSION, node: process.version })
    await this.#reading.start(signal)
    signal?.throwIfAborted()
    this.#parts.started()
  }

  #partContext(): PartContext {
    return {
      config: this.#config,
      clock: this.#clock,
      clockTrust: this.#clockTrust,
      log: this.#log,
      dataDir: this.#config.dataDir,
      catalog: this.#catalog,
      sync: this.#sync,
      taps: this.#taps,
      api: this.#api,
      status: () => this.status(),
      signals: () => this.signals(),
      models: () => this.#reading?.models,
      planned: this.#planned,
      keep: (lane, type, timeUs, content) => this.#keep(lane, type, timeUs, content),
      caught: this.#fence.caught,
      busName: (index) => this.#buses.nameOf(index),
      databases: (bus) => this.#decoding.databases(bus),
      channel: (bus) => this.#channels.of(this.#buses.indexOf(bus)),
      fetch: (sensor, what) => this.#reading?.supervisor.fetch(sensor, what) ?? false,
      codeReaders: () => this.#reading?.supervisor.codeReaders() ?? [],
    }
  }

  /** Settles when every sensor has come to its end: a replay without a loop. */
  async ended(): Promise<void> {
    await this.#reading?.supervisor.ended()
  }

  /**
   * Resolves once all that was collected so far has been delivered, or after `limitMs`; where there is
   * no uplink, once it is committed. Answers what is left.
   */
  delivered(limitMs: number): Promise<Leftover> {
    return delivered(this.#sync, this.#clock, limitMs)
  }

  /** Everything that can be asked of it. */
  operations(): readonly Operation[] {
    return this.#api.operations()
  }

  status(): AgentStatus {
    const { nowUs, state: clock, by: clockBy } = this.#clockTrust.now()
    const parts = this.#parts.status()
    return {
      vehicle: this.#config.vehicle,
      version: VERSION,
      pid: process.pid,
      state: this.#stopping ? 'stopping' : 'running',
      startedUs: this.#startedUs,
      nowUs,
      clock,
      ...(clockBy && { clockBy }),
      ...(this.#timeSeen ? { timeSeen: this.#timeSeen } : {}),
      sensors: this.#reading?.supervisor.status() ?? [],
      buses: this.#channels.status(),
      decode: this.#decoding.status(),
      signals: { known: this.#catalog.size, refused: this.#catalog.refused },
      readings: this.#reading?.pipeline.readingsSeen ?? 0,
      records: this.#reading?.pipeline.recordsMade ?? 0,
      models: this.#reading?.models.status() ?? [],
      sync: this.#sync?.status(),
      relay: parts.relay as AgentStatus['relay'],
      parts,
      faults: this.#fence.status(),
      memoryBytes: process.memoryUsage.rss(),
    }
  }

  /** The latest reading of every signal seen so far. */
  signals(): SignalNow[] {
    // The control socket answers before the pipeline is there.
    return this.#reading ? signalsOf(this.#catalog, this.#reading.pipeline.latest) : []
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
    const down = new TakingDown(this.#log)
    await down.step('sensors', () => this.#reading?.stop())
    if (this.#sync) {
      await down.step('campaigns', () => this.#reading?.pipeline.close())
      const frames = this.#reading?.pipeline.framesSeen
      await down.step('farewell', () => this.#tell('milepost.agent.stopped.v1', { frames }))
    }
    await this.#parts.stop(down)
    await down.step('outbox', () => this.#sync?.close(), OUTBOX_LIMIT_MS)
    await down.step('models', () => this.#reading?.models.close())
    await down.step('control socket', () => this.#control?.close())
    down.finish()
  }

  /** A record about the agent itself. */
  #tell(type: string, content: Record<string, unknown>): void {
    this.#keep('critical', type, this.#clock.nowUs(), content)
  }

  #keep(lane: Lane, type: string, timeUs: number, content: Record<string, unknown>): void {
    const stamps = stampsOf(this.#clockTrust.now(), timeUs)
    this.#sync.append({ lane, type, ...stamps, payload: JSON.stringify(content) })
    this.#taps.record(lane, type, stamps.timeUs, content)
  }
}
