import { Command } from 'commander'
import { openBundle } from '../../models/bundle/archive.ts'
import { type Recipe, readRecipe, recipeOf } from '../../models/training/recipe.ts'
import { type HistoryFrom, type HistoryTo, heldOf } from '../../sync/kafka/history.ts'
import { CODE_VERSION } from '../code-version.ts'
import { AgentError } from '../error.ts'
import { trainFromLog } from '../training/train.ts'
import { connectionOf, DEFAULT_BROKERS } from './connection.ts'
import { parseBound } from './history-bound.ts'
import { counted, EXIT, fail, formatCount, formatSpan, quietPipe } from './output.ts'
import { Progress } from './progress.ts'
import { stopAsked } from './stop-asked.ts'
import { tellEpoch, trainedJson, trainedText } from './trained.ts'

interface TrainFlags {
  topic?: string
  from: string
  to: string
  recipe?: string
  like?: string
  brokers?: string
  config?: string
  out: string
  json?: boolean
}

/** `milepost train`: a bundle from the history on Kafka. */
export function trainCommand(): Command {
  return new Command('train')
    .option('--topic <topic>', 'the topic to learn from, all partitions')
    .option('--from <where>', 'earliest, an offset, a time, or a time ago such as -30d', 'earliest')
    .option(
      '--to <where>',
      'latest, or as --from; it is settled when the training begins',
      'latest',
    )
    .option('-r, --recipe <file>', 'recipe (YAML): inputs, kind of model, wanted false alarms')
    .option('--like <bundle>', 'the very offsets, and the recipe, that this bundle was trained by')
    .option('--brokers <host:port,…>', `where Kafka is (default: ${DEFAULT_BROKERS})`)
    .option('-c, --config <file>', 'take brokers, user and certificates from this config')
    .requiredOption('-o, --out <folder>', 'where the bundle goes')
    .option('--json', 'one JSON object at the end')
    .addHelpText(
      'after',
      `
Reads snapshots, windows and changes back from the log, from the object store where they have left the
broker, and turns them into the feature rows that a vehicle makes. The bundle says which offsets it
was trained on: where the reading truly ended, also if a transaction was still open there (told as a note).
The same offsets and recipe give the same bundle. A run that was stopped or killed goes
on where it was when the same command is given again: what it has is in OUT.checkpoint.

Examples:
  milepost train --topic milepost.telemetry --from -30d --recipe truck.yaml --out truck-2
  milepost train --topic milepost.telemetry --from 2026-11-01 --to 2026-11-08 -r truck.yaml -o truck-2
  milepost train --like truck-2 --out again       the same hash again

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (flags: TrainFlags) => {
      try {
        quietPipe()
        process.exitCode = await train(flags)
      } catch (error) {
        fail(error)
      }
    })
}

interface Order {
  readonly topic: string
  readonly from: HistoryFrom
  readonly to: HistoryTo
  readonly asked: { readonly from: string; readonly to: string }
  readonly recipe: Recipe
  /** The bundle that the new one shall be equal to. */
  readonly like?: { readonly hash: string; readonly codeVersion: string }
}

async function train(flags: TrainFlags): Promise<number> {
  const signal = stopAsked()
  const order = flags.like === undefined ? orderOf(flags) : await orderLike(flags, flags.like)
  const { like, ...rest } = order
  const progress = new Progress()
  const tell = (text: string) => process.stderr.write(`${text}\n`)
  try {
    const { bundle, notes, ranges } = await trainFromLog({
      ...rest,
      connection: connectionOf(flags),
      out: flags.out,
      signal,
      onResume: (what) =>
        tell(
          'refused' in what
            ? `The checkpoint is left out: ${what.refused}. Beginning anew.`
            : `Going on from the checkpoint: ${what.partitions} partitions read, ${what.epochs} epochs done.`,
        ),
      onProgress: ({ records, doneOffsets, totalOffsets }, rows) =>
        progress.tell((passedMs) => {
          const part = doneOffsets / totalOffsets
          return (
            `reading: ${counted(records, 'record')}, ${counted(rows, 'row')}, ` +
            `${formatCount(records / (passedMs / 1000))} records/s, ${Math.floor(part * 100)} %, ` +
            `${formatSpan(passedMs / part - passedMs)} left`
          )
        }),
      onCollected: () => progress.restart(),
      onEpoch: (epoch, epochs, loss) => tellEpoch(progress, epoch, epochs, loss),
    })
    progress.end()
    const same = like ? { like: like.hash, same: like.hash === bundle.hash } : {}
    if (flags.json)
      process.stdout.write(trainedJson(bundle, { notes, held: heldOf(ranges), ...same }))
    else {
      process.stdout.write(trainedText(bundle))
      for (const note of notes) tell(`${note}.`)
    }
    return like ? compare(bundle.hash, like) : EXIT.done
  } catch (error) {
    progress.end()
    if (!signal.aborted) throw error
    tell(`Stopped. The same command goes on from ${flags.out}.checkpoint.`)
    return EXIT.interrupted
  }
}

function compare(hash: string, like: { hash: string; codeVersion: string }): number {
  if (hash === like.hash) {
    process.stderr.write('The same bundle, to the last bit.\n')
    return EXIT.done
  }
  const why =
    like.codeVersion === CODE_VERSION
      ? 'the history or the recipe is not what it was'
      : `it was trained by ${like.codeVersion}, this is ${CODE_VERSION}`
  process.stderr.write(`Not the same bundle as ${like.hash}: ${why}.\n`)
  return EXIT.failed
}

function orderOf({ topic, recipe, from, to }: TrainFlags): Order {
  if (topic === undefined || recipe === undefined) {
    throw new AgentError('USAGE', `--${topic === undefined ? 'topic' : 'recipe'} is missing`, {
      hint: 'Give --topic and --recipe, or --like BUNDLE for both of them.',
    })
  }
  return {
    topic,
    from: parseBound('--from', from, 'earliest' as const),
    to: parseBound('--to', to, 'latest' as const),
    asked: { from, to },
    recipe: readRecipe(recipe),
  }
}

async function orderLike(flags: TrainFlags, path: string): Promise<Order> {
  const { hash, manifest } = await openBundle(path)
  const { source, recipe, codeVersion } = manifest.trained
  if (source.kind !== 'topic' || (recipe.content === undefined && flags.recipe === undefined)) {
    throw new AgentError('USAGE', `${path} was not trained from a topic`, {
      hint: 'Only a bundle that says which offsets it was trained on can be trained again.',
    })
  }
  const offsets = (end: 'from' | 'to') => ({
    offsets: Object.fromEntries(
      source.partitions.map((range) => [range.partition, Number(range[end])]),
    ),
  })
  return {
    topic: flags.topic ?? source.topic,
    from: offsets('from'),
    to: offsets('to'),
    asked: { from: `like ${hash}`, to: '' },
    recipe: flags.recipe ? readRecipe(flags.recipe) : recipeOf(recipe.content, path),
    like: { hash, codeVersion },
  }
}
