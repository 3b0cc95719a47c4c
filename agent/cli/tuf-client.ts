import { Command } from 'commander'
import { AgentError } from '../error.ts'
import { fail } from './output.ts'

interface TufFlags {
  metadataDir: string
  metadataUrl?: string
  targetName?: string[]
  targetBaseUrl?: string
  targetDir?: string
}

/** `milepost tuf-client`: the updater of vehicles, spoken to as the TUF conformance suite does. */
export function tufClientCommand(): Command {
  const command = new Command('tuf-client')
    .requiredOption('--metadata-dir <folder>', 'where trusted metadata is kept')
    .option('--metadata-url <url>', 'where metadata is fetched from')
    .option(
      '--target-name <path>',
      'target to download; may be repeated, they come in this order',
      // Not a list in one option: it would take the command after it for one more.
      (path: string, before: string[] = []) => [...before, path],
    )
    .option('--target-base-url <url>', 'where targets are fetched from')
    .option('--target-dir <folder>', 'where targets go')
    .addHelpText(
      'after',
      `
The protocol of github.com/theupdateframework/tuf-conformance (CLIENT-CLI.md), so that its suite can
run against the client that vehicles have. Nothing of milepost's own rules is on: any TUF repository.

Examples:
  milepost tuf-client --metadata-dir md init root.json
  milepost tuf-client --metadata-dir md --metadata-url https://host/metadata refresh
  milepost tuf-client --metadata-dir md --metadata-url https://host/metadata \\
    --target-name file.txt --target-base-url https://host/targets --target-dir t download

Exit codes: 0 done, 1 failed.`,
    )
  const flags = () => command.opts<TufFlags>()
  const client = () => import('../../models/release/tuf-client.ts')
  command
    .command('init')
    .description('trust this root')
    .argument('<root>', 'root metadata')
    .action(run(async (root: string) => (await client()).initTufClient(flags().metadataDir, root)))
  command
    .command('refresh')
    .description('bring the top-level metadata up to date')
    .action(run(async () => (await client()).runTufClient(repositoryOf(flags()))))
  command
    .command('download')
    .description('download targets')
    .action(
      run(async () => {
        const given = flags()
        const { targetName, targetBaseUrl, targetDir } = given
        if (!targetName || !targetBaseUrl || !targetDir) {
          throw new AgentError(
            'USAGE',
            'download wants --target-name, --target-base-url, --target-dir',
          )
        }
        const wanted = { targetNames: targetName, targetBaseUrl, targetDir }
        await (await client()).runTufClient(repositoryOf(given), wanted)
      }),
    )
  return command
}

function repositoryOf({ metadataDir, metadataUrl }: TufFlags) {
  if (metadataUrl) return { metadataDir, metadataUrl }
  throw new AgentError('USAGE', '--metadata-url is wanted')
}

function run<Args extends unknown[]>(action: (...args: Args) => Promise<void>) {
  return async (...args: Args) => {
    try {
      await action(...args)
    } catch (error) {
      fail(error)
    }
  }
}
