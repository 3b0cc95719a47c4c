import { TargetFile, type Targets } from '@tufjs/models'
import {
  encodeEntry,
  MAX_STAGES,
  parseEntry,
  type ReleaseRef,
  type RolloutEntry,
  type RolloutStage,
} from '../entry.ts'
import { ReleaseError } from '../errors.ts'
import { parseReleasePath, parseRolloutPath, releasePath, rolloutPath } from '../names.ts'
import type { ReleaseKind } from '../release.ts'

export interface Rollout {
  readonly kind: ReleaseKind
  readonly name: string
  readonly entry: RolloutEntry
}

export interface StartOptions {
  readonly version: string
  /** Stages in order; one that reaches all where absent. */
  readonly stages?: readonly RolloutStage[]
  /** Version for those whose turn has not come; what all have now where absent, `none` for nothing. */
  readonly base?: string
  /** Another seed picks other vehicles first; name and version where absent. */
  readonly seed?: string
  readonly note?: string
}

export function rolloutsIn(rollout: Targets): Rollout[] {
  return Object.values(rollout.targets).flatMap((target) => {
    const place = parseRolloutPath(target.path)
    return place ? [{ ...place, entry: parseEntry(target.path, target.custom) }] : []
  })
}

/** The entry that begins a rollout, on its first stage. */
export function startedEntry(
  models: Targets,
  current: RolloutEntry | undefined,
  kind: ReleaseKind,
  name: string,
  options: StartOptions,
): RolloutEntry {
  const stages = checkStages(options.stages ?? [{ name: 'all', percent: 100 }])
  const candidate = approved(models, kind, name, options.version)
  const base =
    options.base === 'none'
      ? undefined
      : options.base !== undefined
        ? approved(models, kind, name, options.base)
        : current && everywhere(current)
  return {
    format: 1,
    candidate,
    base: base?.path === candidate.path ? undefined : base,
    seed: options.seed ?? `${name}-${options.version}`,
    state: stages.length === 1 ? 'done' : 'running',
    stage: stages[0].name,
    percent: stages[0].percent,
    stages: [...stages],
    note: options.note,
  }
}

/** The next stage; `done` on the last. */
export function advancedEntry(entry: RolloutEntry, toStage?: string): RolloutEntry {
  const now = entry.stages.findIndex(({ name }) => name === entry.stage)
  const next = toStage ? entry.stages.findIndex(({ name }) => name === toStage) : now + 1
  const stage = entry.stages[next]
  if (!stage) {
    const names = entry.stages.map(({ name }) => name).join(', ')
    throw new ReleaseError(
      'RELEASE_INPUT',
      toStage ? `there is no stage "${toStage}"` : `"${entry.stage}" is the last stage`,
      { hint: `The stages are: ${names}.` },
    )
  }
  const state = next === entry.stages.length - 1 ? 'done' : 'running'
  return { ...entry, state, stage: stage.name, percent: stage.percent }
}

/** Taken back: everybody has the base again, or nothing where there is none. */
export function abortedEntry(entry: RolloutEntry, note?: string): RolloutEntry {
  return { ...entry, state: 'aborted', percent: 0, note: note ?? entry.note }
}

/** What the whole fleet has, or had before the rollout that is on. */
function everywhere(entry: RolloutEntry): ReleaseRef | undefined {
  return entry.state !== 'aborted' && entry.percent === 100 ? entry.candidate : entry.base
}

export function putEntry(rollout: Targets, kind: ReleaseKind, name: string, entry: RolloutEntry) {
  rollout.addTarget(
    new TargetFile({
      path: rolloutPath(kind, name),
      length: entry.candidate.length,
      hashes: { sha256: entry.candidate.sha256 },
      unrecognizedFields: { custom: encodeEntry(entry) as never },
    }),
  )
}

/** A release that `models` has signed. @throws ReleaseError `RELEASE_INPUT` */
export function approved(
  models: Targets,
  kind: ReleaseKind,
  name: string,
  version: string,
): ReleaseRef {
  const path = releasePath(kind, name, version)
  const target = models.targets[path]
  if (target) return { path, version, length: target.length, sha256: target.hashes.sha256 }
  const there = Object.keys(models.targets).flatMap((each) => {
    const release = parseReleasePath(each)
    return release?.kind === kind && release.name === name ? [release.version] : []
  })
  throw new ReleaseError('RELEASE_INPUT', `${kind} ${name} has no version ${version}`, {
    hint:
      there.length > 0
        ? `Published are: ${there.join(', ')}.`
        : `Add it with \`milepost release add ${kind}\`, then \`milepost release publish\`.`,
  })
}

function checkStages(stages: readonly RolloutStage[]): readonly RolloutStage[] {
  const names = new Set(stages.map(({ name }) => name))
  const rises = stages.every(({ percent }, at) => at === 0 || percent >= stages[at - 1].percent)
  if (stages.length > 0 && stages.length <= MAX_STAGES && rises && names.size === stages.length) {
    return stages
  }
  throw new ReleaseError('RELEASE_INPUT', 'these are no stages', {
    hint: `1 to ${MAX_STAGES}, each with a name of its own, none smaller than the one before: canary:1,early:10,all:100.`,
  })
}
