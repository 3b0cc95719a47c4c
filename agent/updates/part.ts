import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { openReleaseClient } from '../../models/release/client.ts'
import { openSource } from '../../models/release/source/open.ts'
import { TRIAL_LIMITS, type TrialLimits } from '../../models/trial/limits.ts'
import type { SlotState } from '../../models/trial/state.ts'
import { operation } from '../api/operation.ts'
import type { UpdatesConfig } from '../config/updates.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'
import { onCron } from './cron-trigger.ts'
import { releasesDir } from './held-list.ts'
import { HeldReleases } from './held-releases.ts'
import { ModelTrials } from './model-trials.ts'
import { MqttTrigger } from './mqtt-trigger.ts'
import { type Tell, UPDATE_TYPE, type UpdateStep } from './steps.ts'
import { Updater, type UpdaterStatus } from './updater.ts'
import { UsbTrigger } from './usb-trigger.ts'

/** Steps that `status` shows, the newest last. */
const SHOWN_STEPS = 20

/** What `milepost update status` shows. */
export interface UpdatesStatus extends Partial<UpdaterStatus> {
  readonly mqtt?: MqttTrigger['state']
  readonly slots: readonly ({ readonly slot: string } & Pick<
    SlotState,
    'current' | 'previous' | 'attempt' | 'barred'
  >)[]
  readonly held: ReturnType<HeldReleases['status']>
  /** The last steps, the newest last. */
  readonly steps: readonly UpdateStep[]
}

/** The part of an agent that keeps its releases up to date, where the config has `updates`. */
export function updatesPart(context: PartContext): Part | undefined {
  const { updates } = context.config
  return updates ? new Updates(context, updates) : undefined
}

class Updates implements Part {
  readonly name = 'updates'
  readonly #context: PartContext
  readonly #config: UpdatesConfig
  readonly #root: Uint8Array
  readonly #steps: UpdateStep[] = []
  readonly #triggers: (() => void | Promise<void>)[] = []
  #updater: Updater | undefined
  #held: HeldReleases | undefined
  #mqtt: MqttTrigger | undefined

  constructor(context: PartContext, config: UpdatesConfig) {
    this.#context = context
    this.#config = config
    this.#root = readRoot(config.root)
    this.#addOperations()
  }

  started(): void {
    const context = this.#context
    const config = this.#config
    const { clock, dataDir, log, planned } = context
    const tell = this.#tell
    const models = context.models()
    for (const { reason, ...what } of models?.mended ?? []) {
      tell({ phase: 'back', kind: 'bundle', ...what, code: 'MENDED', reason })
    }
    this.#held = new HeldReleases(planned, tell)
    this.#updater = new Updater({
      open: async (from) => {
        const source = await openSource(from)
        const client = openReleaseClient({
          dir: releasesDir(dataDir),
          source,
          vehicle: context.config.vehicle,
          clock: { nowMs: () => clock.nowUs() / 1000, monoMs: () => clock.monoUs() / 1000 },
          trustedRoot: this.#root,
          limits: { stallMs: config.stallSec * 1000 },
        })
        return { client, close: () => source.close() }
      },
      from: config.from,
      models: new ModelTrials({
        slots: models?.observers ?? [],
        limits: limitsOf(config.trial),
        clock,
        tell,
      }),
      held: this.#held,
      nowUs: () => clock.nowUs(),
      tell,
    })
    this.#updater.resume()
    const look = (why: 'start' | 'cron' | 'mqtt' | 'usb', from: string): void =>
      void this.#updater?.look(why, from)
    const { from, check, mqtt, usb } = config
    const jitterMs = check.jitterSec * 1000
    if (from) {
      const first = setTimeout(() => look('start', from), Math.random() * jitterMs)
      this.#triggers.push(() => clearTimeout(first))
      this.#triggers.push(onCron(check.cron, jitterMs, () => look('cron', from)))
      if (mqtt) {
        const { topic = `${mqtt.prefix}/updates`, ...connection } = mqtt
        const { vehicle } = context.config
        this.#mqtt = new MqttTrigger({ connection, topic, vehicle }, log, () => look('mqtt', from))
        this.#triggers.push(() => this.#mqtt?.stop())
      }
    }
    if (usb) {
      const trigger = new UsbTrigger(usb.path, usb.everySec * 1000, (at) => look('usb', at))
      this.#triggers.push(() => trigger.stop())
    }
  }

  status(): UpdatesStatus {
    return {
      ...this.#updater?.status(),
      ...(this.#mqtt ? { mqtt: this.#mqtt.state } : {}),
      slots: (this.#context.models()?.observers ?? []).flatMap(({ slot, store, trial }) => {
        if (!store) return []
        const { current, previous, attempt, barred } = store.state
        const shown = attempt && { ...attempt, ...trial?.shown }
        return [{ slot, current, previous, attempt: shown, barred }]
      }),
      held: this.#held?.status() ?? [],
      steps: this.#steps,
    }
  }

  async stop(): Promise<void> {
    for (const stop of this.#triggers) await stop()
    await this.#updater?.stop()
  }

  readonly #tell: Tell = (step) => {
    const { clock, log, keep } = this.#context
    const told = { ...step, timeUs: clock.nowUs() }
    this.#steps.push(told)
    if (this.#steps.length > SHOWN_STEPS) this.#steps.shift()
    const bad = ['back', 'refused', 'failed', 'check'].includes(step.phase)
    const { phase, release, reason } = step
    log[bad ? 'warn' : 'info'](
      { ...step },
      `update ${phase}: ${release ?? step.name ?? ''} ${reason ?? ''}`.trimEnd(),
    )
    keep('critical', UPDATE_TYPE, told.timeUs, { ...told })
  }

  #addOperations(): void {
    this.#context.api.add(
      operation({
        method: 'GET',
        path: '/updates',
        role: 'read',
        summary: 'where updates come from, what is on trial, and the last steps',
        answer: () => this.status(),
      }),
      operation({
        method: 'POST',
        path: '/updates/look',
        role: 'operate',
        summary: 'look for updates now, in the repository of the config or in a folder',
        body: z.strictObject({ from: z.string().min(1).max(4096).optional() }),
        answer: async ({ body }) => {
          const from = body.from ?? this.#config.from
          if (!this.#updater) {
            throw new AgentError('AGENT_STARTING', 'The agent is only just starting; ask again.')
          }
          if (!from) {
            throw new AgentError('BAD_REQUEST', 'The config names no repository.', {
              hint: 'Set updates.from, or name a folder: milepost update apply --from DIR.',
            })
          }
          const look = await this.#updater.look('hand', from)
          return { look, status: this.status() }
        },
      }),
    )
  }
}

function readRoot(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new AgentError(
      'CONFIG_INVALID',
      `Cannot read updates.root: ${(cause as Error).message}`,
      {
        cause,
        hint: 'Copy the root.json that "milepost release init" wrote onto the vehicle, and name it there.',
      },
    )
  }
}

function limitsOf(trial: UpdatesConfig['trial']): TrialLimits {
  return {
    minRows: trial.minRows,
    minMs: trial.minSec * 1000,
    maxInvalidShare: trial.maxInvalidShare,
    maxSlowShare: trial.maxSlowShare,
    maxMemoryGrowthBytes: trial.maxMemoryGrowthMiB * 2 ** 20,
    maxErrors: TRIAL_LIMITS.maxErrors,
  }
}
