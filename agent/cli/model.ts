import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Bundle, loadBundle } from '../../models/bundle/load.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import { RUNTIMES, type RuntimeName } from '../../models/runtime.ts'
import { type Inference, Scorer } from '../../models/scorer.ts'
import { AgentError } from '../error.ts'
import { fail, formatCount, formatSpan, paint, quietPipe } from './output.ts'

/** `milepost model …`: bundles, from a CSV file to a score. */
export function modelCommand(): Command {
  const command = new Command('model')
  const runtime = () =>
    new Option(
      '--runtime <name>',
      'what computes the network (default: the first that can)',
    ).choices(RUNTIMES)
  command
    .command('score')
    .description('score the rows of a CSV file, one line each')
    .argument('<bundle>', 'folder of the bundle')
    .requiredOption('-i, --input <file>', 'CSV file with a header, - for standard input')
    .option('--json', 'one JSON object a line')
    .option('--vehicle <column>', 'column that names the vehicle; each has its own events')
    .option('--time <column>', 'column with the time, in the unit of --time-unit')
    .addOption(
      new Option('--time-unit <unit>', 'unit of times').choices(['s', 'ms', 'us']).default('s'),
    )
    .addOption(runtime())
    .action(run(score))
  command
    .command('verify')
    .description('check files, hashes, shapes, weights and golden rows')
    .argument('<bundle>', 'folder of the bundle')
    .option('--hash <sha256>', 'the hash that it must have')
    .option('--json', 'one JSON object')
    .addOption(runtime())
    .action(run(verify))
  command
    .command('show')
    .description('what a bundle reads, how it judges, and where it was trained')
    .argument('<bundle>', 'folder of the bundle')
    .option('--json', 'its manifest')
    .action(run(show))
  const training = () => import('./model-train.ts')
  command
    .command('train')
    .description('train a bundle by a recipe')
    .requiredOption('-r, --recipe <file>', 'recipe (YAML)')
    .option('--csv <file>', "rows to train on (default: the recipe's simulated drives)")
    .requiredOption('-o, --out <folder>', 'where the bundle goes')
    .option('--json', 'one JSON object at the end')
    .action(run(async (options) => (await training()).train(options)))
  command
    .command('evaluate')
    .description('how well a bundle tells failed rows (AUC), or faults in simulated drives')
    .argument('<bundle>', 'folder of the bundle')
    .requiredOption('-r, --recipe <file>', 'recipe of the bundle, with its rule of failure')
    .option('--csv <file>', 'rows to judge; those of vehicles it was trained on are left out')
    .option('--seeds <n>', 'without --csv: vehicles to drive', count, 5)
    .option('--seconds <n>', 'without --csv: simulated seconds each', count, 3600)
    .option('--speed <n>', 'without --csv: simulated seconds in a second', count, 1)
    .option('--json', 'one JSON object')
    .addOption(runtime())
    .action(run(async (dir, options) => (await training()).evaluate(dir, options)))
  return command
}

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('a whole number above 0 is wanted.')
}

/** Answers any error with what it says and its exit code. */
function run<Args extends unknown[]>(action: (...args: Args) => Promise<void>) {
  return async (...args: Args) => {
    try {
      quietPipe()
      await action(...args)
    } catch (error) {
      fail(error)
    }
  }
}

interface ScoreOptions {
  input: string
  json?: boolean
  vehicle?: string
  time?: string
  timeUnit: 's' | 'ms' | 'us'
  runtime?: RuntimeName
}

/** Vehicles kept apart in one scoring. */
const MAX_SCORED_VEHICLES = 100_000

async function score(dir: string, options: ScoreOptions): Promise<void> {
  const bundle = loadBundle(dir)
  const open = await openNetwork(bundle, options.runtime)
  const { csvRows } = await import('../../models/training/csv.ts')
  const { inputs, sampleEveryMs } = bundle.manifest.features
  const scorers = new Map<string, Scorer>()
  const rows = csvRows(options.input, {
    inputs: inputs.map(({ name }) => name),
    vehicle: options.vehicle,
    time: options.time ? { column: options.time, unit: options.timeUnit } : undefined,
    everyMs: sampleEveryMs,
  })
  let row = 0
  let above = 0
  let events = 0
  let skipped = 0
  for await (const { vehicle, timeUs, values } of rows) {
    row++
    let scorer = scorers.get(vehicle)
    if (!scorer) {
      if (scorers.size === MAX_SCORED_VEHICLES) {
        throw new AgentError('USAGE', `more than ${MAX_SCORED_VEHICLES} vehicles`, {
          hint: `Is ${options.vehicle} the column that names the vehicle?`,
        })
      }
      scorer = new Scorer(bundle, open)
      scorers.set(vehicle, scorer)
    }
    const inference = scorer.columns(values, timeUs)
    if (!inference) skipped++
    else {
      if (inference.above) above++
      if (inference.event === 'begin') events++
    }
    const line = options.json
      ? jsonLine(row, vehicle, inference, options)
      : textLine(row, vehicle, inference, options)
    if (!process.stdout.write(`${line}\n`)) {
      await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  }
  open.network.dispose()
  const { name } = bundle.manifest
  process.stderr.write(
    `${formatCount(row)} rows, ${formatCount(above)} above the threshold` +
      `${options.vehicle || options.time ? `, ${formatCount(events)} events` : ''}` +
      `${skipped ? `, ${formatCount(skipped)} skipped for missing values` : ''}` +
      ` (${name} ${bundle.hash.slice(0, 12)}, ${open.runtime})\n`,
  )
}

/** Rows on their own are judged on their own; only rows of a vehicle in time make events. */
function judged(inference: Inference, options: ScoreOptions): boolean {
  return options.vehicle || options.time ? inference.anomaly : inference.above
}

function jsonLine(
  row: number,
  vehicle: string,
  inference: Inference | undefined,
  options: ScoreOptions,
): string {
  const where = { row, ...(options.vehicle ? { vehicle } : {}) }
  if (!inference) return JSON.stringify({ ...where, skipped: 'a value is missing' })
  const { timeUs, sourceFromUs, sourceToUs, ...rest } = inference
  const times = options.time ? { timeUs, sourceFromUs, sourceToUs } : {}
  return JSON.stringify({ ...where, ...times, ...rest, anomaly: judged(inference, options) })
}

function textLine(
  row: number,
  vehicle: string,
  inference: Inference | undefined,
  options: ScoreOptions,
): string {
  const where = `${row}${options.vehicle ? ` ${vehicle}` : ''}`
  if (!inference) return `${where} skipped: a value is missing`
  const anomaly = judged(inference, options)
  const verdict = paint(anomaly ? 'red' : 'green', anomaly ? 'ANOMALY' : 'ok     ', process.stdout)
  const why = inference.contributors
    .slice(0, 3)
    .map(({ signal, share, value, expected }) => {
      const percent = Math.round(share * 100)
      return `${signal} ${percent}% (${short(value)}, expected ${short(expected)})`
    })
    .join('; ')
  return `${where} ${verdict} score ${short(inference.score)} threshold ${short(inference.threshold)}  ${why}`
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}

async function verify(
  dir: string,
  options: { hash?: string; json?: boolean; runtime?: RuntimeName },
): Promise<void> {
  const bundle = loadBundle(dir, options.hash)
  const { network, runtime } = await openNetwork(bundle, options.runtime)
  network.dispose()
  const { name, files, golden } = bundle.manifest
  const told = { name, hash: bundle.hash, runtime, files: files.length, golden: golden.rows.length }
  process.stdout.write(
    options.json
      ? `${JSON.stringify(told)}\n`
      : `${paint('green', 'verified', process.stdout)} ${name} ${bundle.hash}: ` +
          `${files.length} files, ${golden.rows.length} golden rows on ${runtime}\n`,
  )
}

async function show(dir: string, options: { json?: boolean }): Promise<void> {
  const bundle = loadBundle(dir)
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ hash: bundle.hash, ...bundle.manifest }, null, 2)}\n`)
    return
  }
  process.stdout.write(`${describe(bundle).join('\n')}\n`)
}

function describe({ hash, manifest }: Bundle): string[] {
  const { features, threshold, alarm, trained } = manifest
  const { source } = trained
  const from =
    source.kind === 'topic'
      ? `topic ${source.topic}`
      : source.kind === 'dataset'
        ? `${source.name} (${source.licence})`
        : source.description
  const missing = ({ missing: rule }: (typeof features.inputs)[number]) =>
    rule.rule === 'hold'
      ? `held ${formatSpan(rule.maxAgeMs)}`
      : rule.rule === 'default'
        ? `else ${rule.value}`
        : 'else no row'
  return [
    `${manifest.name}  ${manifest.kind}  ${hash}`,
    manifest.description,
    '',
    `A row every ${formatSpan(features.sampleEveryMs)} from ${formatSpan(features.windowMs)} of readings:`,
    ...features.inputs.map(
      (input) =>
        `  ${input.name.padEnd(32)} ${input.unit.padEnd(8)} ${input.aggregate.padEnd(5)} ` +
        `${short(input.range.min)} … ${short(input.range.max)}, ${missing(input)}`,
    ),
    '',
    `Threshold ${threshold.value} (${threshold.basis}): ${threshold.wanted.alarms} false alarm(s) per vehicle in ${threshold.wanted.hours} h wanted, ` +
      `${threshold.heldOutAlarms} seen in ${threshold.heldOutHours.toFixed(1)} h held out`,
    `An event begins after ${formatSpan(alarm.minDurationMs)} above it and ends after ${formatSpan(alarm.coolDownMs)} below ${alarm.clearRatio} of it`,
    `Trained on ${formatCount(trained.used)} of ${formatCount(trained.records)} rows of ${formatCount(trained.vehicles)} vehicles from ${from}`,
    `by recipe ${trained.recipe.name}, seed ${trained.seed}, ${trained.codeVersion}`,
  ]
}

/** This program and its version, as bundles record it. */
export function codeVersion(): string {
  const file = new URL(
    import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json',
    import.meta.url,
  )
  return `milepost ${JSON.parse(readFileSync(file, 'utf8')).version}`
}
