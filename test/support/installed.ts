import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bundleAgent } from '../../deploy/deb/bundle.ts'
import { ROOT } from './cli.ts'

/** What the package puts below /usr/lib/milepost, besides the agent's own code. */
const BESIDE = [
  'package.json',
  'node_modules',
  'agent/config/default.yaml',
  'models/bundles',
  'sensors/simulator/vehicle.dbc',
  'dist/agent/web/page',
] as const

/** An agent as it is installed. */
export interface Installed {
  /** The `milepost` command. */
  readonly command: string
  /** What is /usr/lib/milepost. */
  readonly lib: string
  readonly node: string
}

/**
 * Makes what is below /usr/lib/milepost: the code bundled as the Debian package has it, the rest links to
 * the checkout.
 * @param programs more that run it, as paths from the root; each is then below `dist` under its own path
 */
export async function layOutLib(lib: string, programs: readonly string[] = []): Promise<void> {
  for (const path of BESIDE) {
    mkdirSync(dirname(join(lib, path)), { recursive: true })
    symlinkSync(join(ROOT, path), join(lib, path))
  }
  await bundleAgent(ROOT, join(lib, 'dist'), programs)
}

/**
 * Lays the agent out in a folder as the Debian package does, with this Node.js and the packages of the
 * checkout. Or, where `MILEPOST_INSTALLED` names an unpacked package, uses that one with its own Node.js.
 */
export async function layOut(folder: string): Promise<Installed> {
  const given = process.env.MILEPOST_INSTALLED
  const lib = given ? join(given, 'usr/lib/milepost') : join(folder, 'milepost')
  const command = join(folder, 'milepost.sh')
  if (!given) await layOutLib(lib)
  const node = given ? join(lib, 'node/bin/node') : process.execPath
  writeFileSync(command, commandScript(node, join(lib, 'dist/agent/cli/main.js')))
  chmodSync(command, 0o755)
  return { command, lib, node }
}

/** The package's `milepost` command, with its flags for each subcommand, for another Node.js and program. */
export function commandScript(node: string, main: string): string {
  const script = readFileSync(join(ROOT, 'deploy/deb/debian/milepost.sh'), 'utf8')
  return script
    .replace('/usr/lib/milepost/node/bin/node', node)
    .replace('/usr/lib/milepost/dist/agent/cli/main.js', main)
}
