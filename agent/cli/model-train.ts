import { openBundle } from '../../models/bundle/archive.ts'
import type { Bundle } from '../../models/bundle/load.ts'
import { type OpenNetwork, openNetwork } from '../../models/runtime/open.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import { csvRows, type FileDigest } from '../../models/training/csv.ts'
import { evaluateBundle, MAX_EVALUATED_ROWS } from '../../models/training/evaluate.ts'
import { type Recipe, readRecipe } from '../../models/training/recipe.ts'
import { type TrainingOptions, trainBundle } from '../../models/training/train.ts'
import { FAULT_KINDS } from '../../sensors/simulator/faults.ts'
import { CODE_VERSION } from '../code-version.ts'
import { type DriveResult, judgeDrive } from '../drives/judge.ts'
import { simulatedRows, simulationSource } from '../drives/rows.ts'
import { counted, formatCount, formatSpan } from './output.ts'
import { Progress, paceText } from './progress.ts'
import { tellEpoch, trainedJson, trainedText } from './trained.ts'

export async function train(options: {
  recipe: string
  csv?: string
  out: string
  json?: boolean
}): Promise<void> {
  const recipe = readRecipe(options.recipe)
  const progress = new Progress()
  let part: number | undefined
  const drives = fromDrives(recipe, (done) => {
    part = done
  })
  const bundle = await trainBundle({
    recipe,
    ...(options.csv ? fromCsv(recipe, options.csv) : drives),
    out: options.out,
    codeVersion: CODE_VERSION,
    onRows: (records) => progress.tell((ms) => `reading: ${paceText(records, 'row', ms, part)}`),
    onCollected: () => progress.restart(),
    onEpoch: (epoch, epochs, loss) => tellEpoch(progress, epoch, epochs, loss),
  })
  progress.end()
  process.stdout.write(options.json ? trainedJson(bundle) : trainedText(bundle))
}

type Source = Pick<TrainingOptions, 'rows' | 'source'>

function fromCsv(recipe: Recipe, file: string): Source {
  let digest: FileDigest | undefined
  const rows = csvRows(file, csvColumns(recipe), (found) => {
    digest = found
  })
  const { name, licence } = recipe.dataset ?? { name: '', licence: '' }
  return {
    rows,
    source: () => ({ kind: 'dataset', name, licence, files: digest ? [digest] : [] }),
  }
}

function fromDrives(recipe: Recipe, driven: (part: number) => void): Source {
  return { rows: simulatedRows(recipe, driven), source: () => simulationSource(recipe) }
}

function csvColumns(recipe: Recipe) {
  return {
    inputs: recipe.features.inputs.map(({ name }) => name),
    vehicle: recipe.csv.vehicle,
    time: recipe.csv.time,
    everyMs: recipe.features.sampleEveryMs,
  }
}

export async function evaluate(
  dir: string,
  options: {
    recipe: string
    csv?: string
    seeds: number
    seconds: number
    speed: number
    json?: boolean
    runtime?: RuntimeName
  },
): Promise<void> {
  const recipe = readRecipe(options.recipe)
  const bundle = await openBundle(dir)
  const open = await openNetwork(bundle, options.runtime)
  if (!options.csv) {
    evaluateDrives(bundle, open, options)
    open.network.dispose()
    return
  }
  const result = await evaluateBundle(
    bundle,
    open,
    recipe,
    csvRows(options.csv, csvColumns(recipe)),
  )
  open.network.dispose()
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ hash: bundle.hash, ...result })}\n`
      : `AUC ${result.auc.toFixed(4)} over ${formatCount(result.failed)} failed and ${formatCount(result.clean)} clean rows ` +
          `of ${counted(result.vehicles, 'vehicle')}\n` +
          `at threshold ${bundle.manifest.threshold.value}: ${formatCount(result.found)} of ${formatCount(result.failed)} failed rows found, ` +
          `${formatCount(result.falseRows)} of ${formatCount(result.clean)} clean rows above it\n` +
          `${result.leftOut > 0 ? `${counted(result.leftOut, 'row')} beyond the first ${formatCount(MAX_EVALUATED_ROWS)} left out: take a smaller file to judge all of it\n` : ''}`,
  )
}

/** First seed of the drives to judge by; recipes train on others. */
const FIRST_JUDGED_SEED = 501

/** Drives without a fault, then each fault in each vehicle, halfway through its drive. */
function evaluateDrives(
  bundle: Bundle,
  open: OpenNetwork,
  options: { seeds: number; seconds: number; speed: number; json?: boolean },
): void {
  const { seeds, seconds, speed } = options
  const progress = new Progress()
  const results: { kind: string; results: DriveResult[] }[] = []
  const drives = seeds * (FAULT_KINDS.length + 1)
  for (const kind of [undefined, ...FAULT_KINDS]) {
    const fault = kind && { kind, atSec: seconds / 2 }
    const judged: DriveResult[] = []
    for (let i = 0; i < seeds; i++) {
      judged.push(judgeDrive({ seed: FIRST_JUDGED_SEED + i, seconds, speed, fault }, bundle, open))
      const done = results.length * seeds + i + 1
      progress.tell((ms) => `${kind ?? 'no fault'}: ${paceText(done, 'drive', ms, done / drives)}`)
    }
    results.push({ kind: kind ?? 'none', results: judged })
  }
  progress.end()
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ hash: bundle.hash, results })}\n`)
    return
  }
  const { threshold } = bundle.manifest
  process.stdout.write(
    `${seeds} vehicles, ${formatSpan(seconds * 1000)} each, time × ${speed}, threshold ${threshold.value}\n`,
  )
  for (const { kind, results: judged } of results) {
    const falseAlarms = judged.reduce((sum, one) => sum + one.falseAlarms, 0)
    const found = judged.flatMap(({ foundAfterSec: sec }) => (sec === undefined ? [] : [sec]))
    found.sort((a, b) => a - b)
    const signals = [...new Set(judged.flatMap(({ signal }) => signal ?? []))].join(', ')
    const top = Math.max(...judged.map(({ topScore }) => topScore))
    const verdict =
      kind === 'none'
        ? `largest score ${top.toPrecision(3)}`
        : `found in ${found.length} of ${seeds}` +
          `${found.length ? `, half of them within ${formatSpan(found[found.length >> 1] * 1000)}` : ''}`
    process.stdout.write(
      `${kind.padEnd(14)} ${falseAlarms} false alarms, ${verdict}${signals ? `  (${signals})` : ''}\n`,
    )
  }
}
