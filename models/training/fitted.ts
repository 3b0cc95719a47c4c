import type { ManifestDraft } from '../bundle/write.ts'
import type { Judge } from '../judge.ts'
import type { ClusterParts, ModelParts } from '../runtime.ts'
import type { Saved } from '../saved.ts'

type About<M> = M extends ManifestDraft
  ? Omit<
      M,
      'name' | 'description' | 'features' | 'threshold' | 'alarm' | 'golden' | 'limits' | 'trained'
    >
  : never

/** A trained model of some kind, before its threshold is known. */
export interface FittedModel {
  /** What the manifest says of this kind alone. */
  readonly about: About<ManifestDraft>
  readonly model: ModelParts | ClusterParts
  /** Scores rows as a vehicle will that has just got the bundle; each call gives a new one. */
  judge(): Judge
  dispose(): void
}

/** Where a training is, and where it can go on after a kill. */
export interface Progress {
  /** Told after each epoch: epochs done, of how many, and the loss of the last one. */
  readonly onEpoch?: (epoch: number, epochs: number, loss: number) => void
  /** What `saveEpoch` was last given, of an earlier run of the same training. */
  readonly resumeFrom?: Saved
  /** Takes the state after an epoch; asked for no more often than it wants to keep it. */
  readonly saveEpoch?: (state: () => Promise<Saved>) => Promise<void>
}
