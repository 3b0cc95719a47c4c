import { loadBundle } from '../../models/bundle/load.ts'
import type { TrainingSource } from '../../models/bundle/manifest.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import { csvRows, type FileDigest } from '../../models/training/csv.ts'
import { evaluateBundle } from '../../models/training/evaluate.ts'
import { type Recipe, readRecipe } from '../../models/training/recipe.ts'
import { trainBundle } from '../../models/training/train.ts'
import { codeVersion } from './model.ts'
import { formatCount, formatSpan, paint } from './output.ts'

/** What takes longer than this tells how far it is. */
const PROGRESS_AFTER_MS = 2000
const PROGRESS_EVERY_MS = 500

/** Writes lines of progress to stderr: one line that changes on a terminal, a line each elsewhere. */
class Progress {
  readonly #startMs = performance.now()
  #nextMs = PROGRESS_AFTER_MS
  #shown = false

  tell(text: (passedMs: number) => string): void {
    const passedMs = performance.now() - this.#startMs
    if (passedMs < this.#nextMs) return
    const terminal = process.stderr.isTTY
    this.#nextMs = passedMs + (terminal ? PROGRESS_EVERY_MS : 10 * PROGRESS_EVERY_MS)
    process.stderr.write(terminal ? `\r\x1b[K${text(passedMs)}` : `${text(passedMs)}\n`)
    this.#shown = terminal
  }

  end(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
  }
}

export async function train(options: {
  recipe: string
  csv: string
  out: string
  json?: boolean
}): Promise<void> {
  const recipe = readRecipe(options.recipe)
  const progress = new Progress()
  let digest: FileDigest | undefined
  const source = (): TrainingSource => ({
    kind: 'dataset',
    name: recipe.dataset?.name ?? '',
    licence: recipe.dataset?.licence ?? '',
    files: digest ? [digest] : [],
  })
  const bundle = await trainBundle({
    recipe,
    rows: csvRows(options.csv, columnsOf(recipe), (found) => {
      digest = found
    }),
    source,
    out: options.out,
    codeVersion: codeVersion(),
    onRows: (records) => progress.tell(() => `reading: ${formatCount(records)} rows`),
    onEpoch: (epoch, epochs, loss) =>
      progress.tell(
        (passedMs) =>
          `training: epoch ${epoch} of ${epochs}, loss ${loss.toPrecision(3)}, ` +
          `${formatSpan((passedMs / epoch) * (epochs - epoch))} left`,
      ),
  })
  progress.end()
  const { trained, threshold, name } = bundle.manifest
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ name, hash: bundle.hash, threshold, trained })}\n`
      : `${paint('green', 'trained', process.stdout)} ${name} ${bundle.hash}\n` +
          `${formatCount(trained.used)} rows to train on, ${formatCount(trained.heldOut)} held out, ` +
          `${formatCount(trained.failed)} failed, ${formatCount(trained.otherVehicles)} of other vehicles, ` +
          `${formatCount(trained.incomplete)} incomplete; threshold ${threshold.value} (${threshold.basis})\n`,
  )
}

function columnsOf(recipe: Recipe) {
  return {
    inputs: recipe.features.inputs.map(({ name }) => name),
    vehicle: recipe.csv.vehicle,
    time: recipe.csv.time,
    everyMs: recipe.features.sampleEveryMs,
  }
}

export async function evaluate(
  dir: string,
  options: { recipe: string; csv: string; json?: boolean; runtime?: RuntimeName },
): Promise<void> {
  const recipe = readRecipe(options.recipe)
  const bundle = loadBundle(dir)
  const open = await openNetwork(bundle, options.runtime)
  const result = await evaluateBundle(bundle, open, recipe, csvRows(options.csv, columnsOf(recipe)))
  open.network.dispose()
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ hash: bundle.hash, ...result })}\n`
      : `AUC ${result.auc.toFixed(4)} over ${formatCount(result.failed)} failed and ${formatCount(result.clean)} clean rows ` +
          `of ${formatCount(result.vehicles)} vehicles\n` +
          `at threshold ${bundle.manifest.threshold.value}: ${formatCount(result.found)} of ${formatCount(result.failed)} failed rows found, ` +
          `${formatCount(result.falseRows)} of ${formatCount(result.clean)} clean rows above it\n`,
  )
}
