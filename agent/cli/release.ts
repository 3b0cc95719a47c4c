import { Command, InvalidArgumentError } from 'commander'
import { percent, whole } from './numbers.ts'
import { EXIT, fail, quietPipe } from './output.ts'
import { DEFAULT_KEYS } from './release-desk.ts'

/** `milepost release …`: what the fleet may run, signed. Each command's work is loaded when it is called. */
export function releaseCommand(): Command {
  const command = new Command('release').addHelpText(
    'after',
    `
A repository is a folder or s3://bucket/folder (with the environment of every AWS tool, AWS_ENDPOINT_URL
for a server of your own). Any web server that shows it serves vehicles; a stick does as well.
The keys' folder also holds root.json, which goes to every vehicle, and the draft.
Passphrases: MILEPOST_RELEASE_PASSPHRASE_<KEY> (as …_ROOT_1), --passphrase-file (one line for all keys,
or lines as "root-1: …"), MILEPOST_RELEASE_PASSPHRASE, or typed.

Examples:
  milepost release init -r repo                              keys and an empty repository
  milepost release add bundle models/bundles/simulator 1 -r repo
  milepost release publish -r repo                           sign it, with the offline keys
  milepost release rollout bundle simulator 1 --stages canary:1,early:10,all:100 -r repo
  milepost release rollout bundle simulator --advance -r repo
  milepost release rollout bundle simulator --abort --note "NaN" -r repo
  milepost release verify -r https://releases.example.com --vehicle truck-17
  milepost release mirror /media/usb/milepost -r repo        a stick for vehicles without a network

Exit codes: 0 done, 1 failed or found wrong, 2 wrong usage, 130 stopped by Ctrl-C.`,
  )
  const work = () => import('./release-actions.ts')
  desk(command.command('init'))
    .description('make keys and an empty repository')
    .option('--root-keys <n>', 'keys of root', whole(1), 3)
    .option('--root-threshold <n>', 'how many of them it takes: 2 or more', whole(1), 2)
    .option('--expires <role=days,…>', 'how long signatures hold, as timestamp=30', daysOf)
    .action(run(async (flags) => (await work()).init(flags)))
  const key = command.command('key').description('keys of the roles')
  desk(key.command('list'))
    .description('who signs what, and which keys are here')
    .action(run(async (flags) => (await work()).keyList(flags)))
  desk(key.command('rotate'))
    .description('a new key for a role')
    .argument('<role>', 'root, targets, models, rollout, snapshot or timestamp')
    .option('--replace <key>', 'the one that goes, where the role has several')
    .option(
      '-o, --out <file>',
      'only write the next root, for its holders to sign one after the other',
    )
    .action(run(async (role, flags) => (await work()).keyRotate(role, flags)))
  desk(key.command('renew'))
    .description('sign root anew before it expires')
    .option(
      '-o, --out <file>',
      'only write the next root, for its holders to sign one after the other',
    )
    .action(run(async (flags) => (await work()).keyRenew(flags)))
  const ceremony = () => import('./release-ceremony.ts')
  desk(key.command('sign'))
    .description('add the signatures of the root keys that are here to a next root')
    .argument('<file>', 'what --out wrote')
    .action(run(async (file, flags) => (await ceremony()).sign(file, flags)))
  desk(key.command('apply'))
    .description('publish a next root that enough holders have signed')
    .argument('<file>')
    .action(run(async (file, flags) => (await ceremony()).apply(file, flags)))
  desk(command.command('add'))
    .description('check a file and put it into the draft')
    .argument('<kind>', 'bundle, campaign or dbc')
    .argument('<file>', 'a bundle’s folder or archive, a YAML file of campaigns, a DBC file')
    .argument('[version]', 'default for a bundle: the beginning of its hash')
    .option('--name <name>', "default: the bundle's, else the file's")
    .action(
      run(async (kind, file, version, flags) => (await work()).add(kind, file, version, flags)),
    )
  desk(command.command('withdraw'))
    .description('no longer approve a version, from the next publish on')
    .argument('<kind>')
    .argument('<name>')
    .argument('<version>')
    .action(
      run(async (kind, name, version, flags) =>
        (await work()).withdraw(kind, name, version, flags),
      ),
    )
  desk(command.command('publish'))
    .description('sign the draft, and what has to be signed anew')
    .option('--online', 'only sign the online roles anew, before they expire')
    .action(run(async (flags) => (await work()).publish(flags)))
  desk(command.command('rollout'))
    .description('who gets which version; without a name: what is on')
    .argument('[kind]', 'bundle, campaign or dbc')
    .argument('[name]')
    .argument('[version]', 'what begins to be rolled out')
    .option('--percent <n>', 'share that gets it first', percent)
    .option('--stages <name:percent,…>', 'in order, as canary:1,early:10,all:100', stagesOf)
    .option(
      '--base <version>',
      'what the others have; "none" for nothing (default: what all have now)',
    )
    .option('--seed <text>', 'another seed picks other vehicles first')
    .option('--note <text>', 'why, for people')
    .option('--advance', 'go to the next stage')
    .option('--stage <name>', 'go to this stage')
    .option('--pause', 'stay at this stage')
    .option('--abort', 'take it back: everybody has the base again')
    .action(
      run(async (kind, name, version, flags) => (await work()).rollout(kind, name, version, flags)),
    )
  reader(command.command('verify'))
    .description('read a repository as a vehicle does, and say what is wrong')
    .option('--vehicle <id>', 'show what this one would have')
    .option('--metadata-only', 'do not read the releases')
    .action(run(async (flags) => (await work()).verify(flags)))
  reader(command.command('mirror'))
    .description('copy a repository, verified: to a stick, a folder, a bucket')
    .argument('<to>', 'folder or s3://bucket/folder')
    .option('--only-rollout', 'only releases that a rollout names')
    .action(run(async (to, flags) => (await work()).mirror(to, flags)))
  return command
}

function common(command: Command, where: string): Command {
  return command
    .option('-r, --repository <place>', `${where} (or MILEPOST_RELEASE_REPOSITORY)`)
    .option('-k, --keys <folder>', `keys (or MILEPOST_RELEASE_KEYS; default: ${DEFAULT_KEYS})`)
    .option('--json', 'for a program')
}

function desk(command: Command): Command {
  return common(command, 'folder or s3://bucket/folder').option(
    '--passphrase-file <file>',
    'passphrases of the keys',
  )
}

function reader(command: Command): Command {
  return common(command, 'folder, s3://bucket/folder or https://…').option(
    '--root <file>',
    "the root metadata to trust (default: the keys' root.json)",
  )
}

function run<Args extends unknown[]>(action: (...args: Args) => Promise<unknown>) {
  return async (...args: Args) => {
    try {
      quietPipe()
      await action(...args)
    } catch (error) {
      const stopped = (error as { code?: string }).code === 'RELEASE_STOPPED'
      if (stopped) process.exit(EXIT.interrupted)
      fail(error)
    }
  }
}

function stagesOf(text: string): { name: string; percent: number }[] {
  return text.split(',').map((part) => {
    const [, name, share] = /^([\w-]+):([\d.]+)$/.exec(part) ?? []
    if (!name) throw new InvalidArgumentError('name:percent,… is wanted, as canary:1,all:100.')
    return { name, percent: percent(share) }
  })
}

function daysOf(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [, role, days] =
        /^(root|targets|models|rollout|snapshot|timestamp)=(\d+)$/.exec(part) ?? []
      if (!role) throw new InvalidArgumentError('role=days,… is wanted, as timestamp=30.')
      return [role, whole(1)(days)]
    }),
  )
}
