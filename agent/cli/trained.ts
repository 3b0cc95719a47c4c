import type { Bundle } from '../../models/bundle/load.ts'
import { counted, formatCount, formatSpan, paint } from './output.ts'
import type { Progress } from './progress.ts'

/** Tells how far a training is: the epoch, its loss, time left. */
export function tellEpoch(progress: Progress, epoch: number, epochs: number, loss: number): void {
  progress.tell(
    (passedMs) =>
      `training: epoch ${epoch} of ${epochs}, loss ${loss.toPrecision(3)}, ` +
      `${formatSpan((passedMs / epoch) * (epochs - epoch))} left`,
  )
}

/** What came of a training, for a program. */
export function trainedJson({ hash, manifest }: Bundle, more: object = {}): string {
  const { name, kind, threshold, trained } = manifest
  const { content: _, ...recipe } = trained.recipe
  return `${JSON.stringify({ name, kind, hash, threshold, trained: { ...trained, recipe }, ...more })}\n`
}

/** What came of a training, for a person. */
export function trainedText({ hash, manifest }: Bundle): string {
  const { name, threshold, trained } = manifest
  return (
    `${paint('green', 'trained', process.stdout)} ${name} ${hash}\n` +
    `${counted(trained.used, 'row')} to train on, ${formatCount(trained.heldOut)} held out, ` +
    `${formatCount(trained.failed)} failed, ${formatCount(trained.otherVehicles)} of other vehicles, ` +
    `${formatCount(trained.incomplete)} incomplete; threshold ${threshold.value} (${threshold.basis})\n`
  )
}
