import { Command, Option } from 'commander'
import { RUNTIMES } from '../../models/runtime.ts'
import { whole } from './numbers.ts'
import { fail, quietPipe } from './output.ts'

/** `milepost model …`: bundles, from a CSV file to a score. */
export function modelCommand(): Command {
  const command = new Command('model')
  const showing = () => import('./model-show.ts')
  const runtime = () =>
    new Option(
      '--runtime <name>',
      'what computes the network (default: the first that can)',
    ).choices(RUNTIMES)
  command
    .command('score')
    .description('score the rows of a CSV file, one line each')
    .argument('<bundle>', 'the bundle: folder, .tar or .tgz')
    .requiredOption('-i, --input <file>', 'CSV file with a header, - for standard input')
    .option('--json', 'one JSON object a line')
    .option('--vehicle <column>', 'column that names the vehicle; each has its own events')
    .option('--time <column>', 'column with the time, in the unit of --time-unit')
    .addOption(
      new Option('--time-unit <unit>', 'unit of times').choices(['s', 'ms', 'us']).default('s'),
    )
    .addOption(runtime())
    .action(run(async (path, options) => (await import('./model-score.ts')).score(path, options)))
  command
    .command('verify')
    .description('check files, hashes, shapes, weights and golden rows')
    .argument('<bundle>', 'the bundle: folder, .tar or .tgz')
    .option('--hash <sha256>', 'the hash that it must have')
    .option('--json', 'one JSON object')
    .addOption(runtime())
    .action(run(async (path, options) => (await showing()).verify(path, options)))
  command
    .command('show')
    .description('what a bundle reads, how it judges, and where it was trained')
    .argument('<bundle>', 'the bundle: folder, .tar or .tgz')
    .option('--json', 'its manifest')
    .action(run(async (path, options) => (await showing()).show(path, options)))
  command
    .command('pack')
    .description('a bundle folder as one file, the same bytes each time')
    .argument('<bundle>', 'folder of the bundle')
    .requiredOption('-o, --out <file>', 'where it goes: .tar, or compressed .tgz')
    .action(run(async (path, options) => (await showing()).pack(path, options)))
  command
    .command('unpack')
    .description('verify a packed bundle and write it as a folder')
    .argument('<archive>', '.tar or .tgz of a bundle')
    .requiredOption('-o, --out <folder>', 'where it goes')
    .option('--hash <sha256>', 'the hash that it must have')
    .action(run(async (path, options) => (await showing()).unpack(path, options)))
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
    .argument('<bundle>', 'the bundle: folder, .tar or .tgz')
    .requiredOption('-r, --recipe <file>', 'recipe of the bundle, with its rule of failure')
    .option('--csv <file>', 'rows to judge; those of vehicles it was trained on are left out')
    .option('--seeds <n>', 'without --csv: vehicles to drive', whole(1), 5)
    .option('--seconds <n>', 'without --csv: simulated seconds each', whole(1), 3600)
    .option('--speed <n>', 'without --csv: simulated seconds in a second', whole(1), 1)
    .option('--json', 'one JSON object')
    .addOption(runtime())
    .action(run(async (dir, options) => (await training()).evaluate(dir, options)))
  return command
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
