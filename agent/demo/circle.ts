import { join } from 'node:path'
import { loadBundle } from '../../models/bundle/load.ts'
import { Outcomes } from '../rollout/outcomes.ts'
import { RolloutWatch, type WatchLook } from '../rollout/watch.ts'
import { writeDiverged } from './bad-model.ts'
import { RELEASED, type ReleaseDesk } from './desk.ts'
import type { Fleet } from './fleet.ts'
import { PUNCTURED, RECIPES } from './plan.ts'
import { milepost } from './program.ts'
import type { Screen } from './screen.ts'

const TOPIC = 'milepost.telemetry'
const LOOK_EVERY_MS = 1_500
/** Bounds of what is waited for: far more than a slow machine needs. */
const ROLLOUT_LIMIT_MS = 240_000
const FIND_LIMIT_MS = 120_000
const BACK_LIMIT_MS = 120_000

/** What became of the models. */
export interface Circle {
  /** Hashes: what the vehicles set out with, what was trained from their history, what was spoiled. */
  readonly first: string
  readonly second: string
  readonly bad: string
  /** Rows that the second was trained on. */
  readonly rows: number
  readonly canary: string
  /** Nobody but the canary had a word of the release before the canary was good. */
  readonly canaryWasAlone: boolean
  /** Vehicles that run the second model at the end. */
  readonly running: readonly string[]
  readonly rolledOut: string
  /** What the watch did about the bad model. */
  readonly takenBack: string | undefined
  /** Why the canary barred it; undefined where it did not. */
  readonly barred: string | undefined
}

interface Parts {
  readonly home: string
  readonly screen: Screen
  readonly fleet: Fleet
  readonly desk: ReleaseDesk
  readonly bootstrap: string
  readonly first: string
  readonly ending: AbortSignal
}

/** Retrain from the log, sign, canary, all; find the fault; send a bad model and see it taken back. */
export async function closeTheCircle(parts: Parts): Promise<Circle> {
  const { home, screen, fleet, desk, bootstrap, ending } = parts
  screen.headline('A second model is trained from the history, tyres included')
  const secondDir = join(home, 'second')
  const recipe = join(RECIPES, 'second.yaml')
  const to = ['--brokers', bootstrap, '--topic', TOPIC, '--recipe', recipe, '--out', secondDir]
  await milepost(['train', ...to], ending)
  const second = loadBundle(secondDir)
  const first = loadBundle(parts.first).hash

  const outcomes = new Outcomes({ brokers: [bootstrap] }, 'milepost.critical')
  const watch = new RolloutWatch({
    repository: desk.repository,
    outcomes,
    ...RELEASED,
    limits: { timeoutMs: ROLLOUT_LIMIT_MS, maxFailedShare: 0, minGood: 1 },
    seenWithinMs: 86_400_000,
    vehicles: fleet.names,
    memoryFile: join(home, 'rollout-watch.json'),
  })
  const { canary } = await desk.release('1', secondDir, fleet.names)
  screen.headline(`Signed and released, to ${canary} first; the vehicles drive on`)
  await fleet.setOut('quiet')
  let canaryWasAlone = false
  const good = await watched(parts, watch, ROLLOUT_LIMIT_MS, async (look) => {
    if (look.stage === 'canary' && look.decision.is === 'advance') {
      const [rollout] = await desk.repository.rollouts()
      const { sha256 } = rollout.entry.candidate
      const others = fleet.names.filter((name) => name !== canary)
      canaryWasAlone = others.every((name) => outcomes.of(name, sha256) === undefined)
      screen.headline(`${canary} is good: all vehicles get it`)
    }
    return look.decision.is === 'done' || look.decision.is === 'abort'
  })
  await fleet.park()

  screen.headline(`The first drive again, with the same faults and the second model`)
  await fleet.setOut('again')
  await foundBy(parts, second.hash)

  screen.headline(`On purpose: a model that diverged in training, signed all the same`)
  const bad = writeDiverged(join(home, 'bad'), second)
  await desk.release('2', bad.dir, fleet.names, '1')
  const back = await watched(parts, watch, BACK_LIMIT_MS, ({ decision }) => decision.is === 'abort')
  screen.headline(`Taken back: ${back?.count.reasons[0]?.reason ?? 'nobody told why'}`)
  const barred = await barredOn(parts, canary, second.hash, bad.hash)
  const running = await runningOf(fleet, second.hash)
  await fleet.park()
  return {
    first,
    second: second.hash,
    bad: bad.hash,
    rows: second.manifest.trained.used + second.manifest.trained.heldOut,
    canary,
    canaryWasAlone,
    running,
    rolledOut: good?.decision.reason ?? 'it did not come to its end',
    takenBack: back?.decision.reason,
    barred,
  }
}

/** Lets the rollout be led until `ended`; undefined where that did not come in time. */
async function watched(
  { fleet, screen, ending }: Parts,
  watch: RolloutWatch,
  limitMs: number,
  ended: (look: WatchLook) => boolean | Promise<boolean>,
): Promise<WatchLook | undefined> {
  const deadline = Date.now() + limitMs
  while (Date.now() < deadline && !ending.aborted) {
    const look = await watch.look(ending)
    const { stage, count, decision } = look
    const state = `stage ${stage}: ${count.good} good, ${count.failed} failed, ${count.underWay} under way of ${count.vehicles}`
    fleet.watch.note = `${screen.paint('cyan', state)}  ${decision.is}`
    await fleet.watch.look()
    if (await ended(look)) {
      fleet.watch.note = ''
      return look
    }
    await fleet.watch.during(LOOK_EVERY_MS)
  }
  fleet.watch.note = ''
  return undefined
}

/** Until the punctured vehicle's second model has seen it; the account says whether rightly. */
async function foundBy({ fleet }: Parts, second: string): Promise<void> {
  const vehicle = fleet.vehicle(PUNCTURED)
  const deadline = Date.now() + FIND_LIMIT_MS
  while (Date.now() < deadline) {
    await fleet.watch.during(LOOK_EVERY_MS)
    const [model] = (await vehicle.status())?.models ?? []
    if (model?.hash === second && model.anomalies > 0 && model.active) return
  }
}

/** Until the canary runs the good model again and has barred the bad one; answers why. */
async function barredOn(
  { fleet }: Parts,
  canary: string,
  second: string,
  bad: string,
): Promise<string | undefined> {
  const deadline = Date.now() + BACK_LIMIT_MS
  while (Date.now() < deadline) {
    const status = await fleet.vehicle(canary).status()
    const { slots = [] } = (status?.parts.updates ?? {}) as {
      slots?: { barred: { hash?: string; reason: string }[] }[]
    }
    const found = slots[0]?.barred.find(({ hash }) => hash === bad)
    if (found && status?.models[0]?.hash === second) return found.reason
    await fleet.watch.during(LOOK_EVERY_MS)
  }
  return undefined
}

async function runningOf(fleet: Fleet, hash: string): Promise<string[]> {
  const all = await Promise.all(fleet.vehicles.map((vehicle) => vehicle.status()))
  return fleet.names.filter((_, i) => all[i]?.models[0]?.hash === hash)
}
