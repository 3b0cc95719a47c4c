import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openBundle } from '../models/bundle/archive.ts'
import type { Bundle } from '../models/bundle/load.ts'
import type { Inference } from '../models/scorer.ts'
import { type Mended, Slot } from '../models/trial/slot.ts'
import type { SignalCatalog } from '../sensors/reading.ts'
import type { Clock } from '../sensors/sensor.ts'
import type { Lane } from '../sync/record.ts'
import { bootId } from './clock.ts'
import type { Collected } from './collection/campaign.ts'
import type { LoadedConfig } from './config/load.ts'
import type { Logger } from './log.ts'
import { inferenceRecord } from './models/inference-record.ts'
import { LiveModel } from './models/live-model.ts'
import { ModelSlot, type ModelStatus } from './models/model-slot.ts'

export type { ModelStatus } from './models/model-slot.ts'

/** What a start found broken in a slot, and mended. */
export type SlotMended = Mended & { readonly slot: string }

/** The models of the agent: verified when loaded, scored as readings come. */
export interface Models {
  readonly observers: readonly ModelSlot[]
  /** To be told on `critical` by whoever tells of updates. */
  readonly mended: readonly SlotMended[]
  status(): ModelStatus[]
  close(): void
}

/**
 * Loads the bundle of each model of the config: the one that an update brought and that proved itself,
 * else the config's own. Where not even that verifies, nothing starts.
 */
export async function loadModels(
  config: LoadedConfig,
  catalog: SignalCatalog,
  clock: Clock,
  log: Logger,
  tell: {
    keep(lane: Lane, record: Collected): void
    /** An anomaly has begun: campaigns may capture what was around it. */
    began(model: string, timeUs: number, score: number): void
    /** Every inference. */
    inference(model: string, inference: Inference): void
  },
): Promise<Models> {
  const mended: SlotMended[] = []
  const learnedDir = join(config.dataDir, 'learned')
  const slots = await Promise.all(
    config.models.map(async ({ bundle: factory, slot, lane, runtime }) => {
      const lost = (what: Mended): void => {
        mended.push({ slot, ...what })
        log.warn({ slot, ...what }, `model ${slot}: ${what.reason}`)
      }
      const dir = join(config.dataDir, 'models', slot)
      // What updates brought stays in use where the config no longer asks for more of them.
      const store =
        config.updates || existsSync(dir)
          ? new Slot({
              dir,
              bootId: bootId(),
              nowUs: () => clock.nowUs(),
              crashes: config.updates?.trial,
            })
          : undefined
      for (const what of store?.mended ?? []) lost(what)
      const open = (bundle: Bundle, release?: string): Promise<LiveModel> =>
        LiveModel.open(bundle, runtime, { catalog, clock, learnedDir }, release)
      const live = await (store ? store.load(factory, open, lost) : open(await openBundle(factory)))
      return new ModelSlot({ slot, runtime }, live, store, {
        inference: (name, inference) => {
          tell.inference(name, inference)
          const { event, score, threshold, contributors, timeUs } = inference
          if (!event) return
          const level = event === 'begin' ? 'warn' : 'info'
          log[level](
            { model: name, score, threshold },
            `anomaly ${event}: ${contributors[0].signal}`,
          )
          tell.keep(lane, inferenceRecord(name, inference))
          if (event === 'begin') tell.began(name, timeUs, score)
        },
        replaced: (name, last) =>
          tell.keep(lane, inferenceRecord(name, last, 'its model was replaced')),
      })
    }),
  )
  return {
    observers: slots,
    mended,
    status: () => slots.map((slot) => slot.status()),
    close: () => {
      for (const slot of slots) slot.close()
    },
  }
}
