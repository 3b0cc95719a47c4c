import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { ask } from '../control/client.ts'
import { socketPath } from '../control/socket-path.ts'
import { diagnose } from '../doctor/diagnose.ts'
import { sceneOf } from '../doctor/scene.ts'
import { AgentError } from '../error.ts'
import { latestInRing } from '../local/history/latest.ts'
import type { SignalNow } from '../status.ts'
import { listOf, packSupport, type SupportEntry, supportName } from '../support/archive.ts'
import { supportFiles } from '../support/contents.ts'
import { counted, EXIT, fail, formatBytes, paint } from './output.ts'
import { type PlaceOptions, whereabouts, withPlace } from './place.ts'

interface Options extends PlaceOptions {
  readonly out?: string
  readonly log?: string
  readonly yes?: boolean
}

export function bundleCommand(): Command {
  return withPlace(new Command('bundle'))
    .option('-o, --out <file>', 'where to write it; named by vehicle and time otherwise')
    .option('--log <file>', 'take the end of this log instead of the system’s journal')
    .option('-y, --yes', 'write it without asking')
    .addHelpText(
      'after',
      `
A tar.gz for those who help from afar: config, findings, status, events, readings of the last half hour,
log. Passwords, tokens, keys and positions are taken out; the records that wait, DBC files and keys are
not in it. Its list is shown first. Works when the agent is down.

Examples:
  milepost bundle
  milepost bundle --json               the list alone, nothing is written
  milepost bundle --yes -o /media/usb/truck-7.tar.gz`,
    )
    .action(async (options: Options) => {
      try {
        await bundle(options)
      } catch (error) {
        fail(error)
      }
    })
}

async function bundle(options: Options): Promise<void> {
  const scene = await sceneOf(whereabouts(options))
  const { dataDir = '.', status, configFile } = scene
  const signals = status
    ? await ask<SignalNow[]>(socketPath(dataDir), 'GET', '/signals')
    : await latestInRing(dataDir, () => true)
  const nowMs = Date.now()
  const files = await supportFiles({
    configFile,
    dataDir,
    status,
    signals,
    findings: await diagnose(scene),
    nowMs,
    ...(options.log === undefined ? {} : { logFile: resolve(options.log) }),
  })
  const list = listOf(files)
  if (options.json && !options.yes) {
    process.stdout.write(`${JSON.stringify(list, null, 2)}\n`)
    return
  }
  for (const line of table(list)) process.stderr.write(`${line}\n`)
  if (!options.yes && !(await agreed())) {
    process.stderr.write('Nothing was written.\n')
    process.exitCode = EXIT.failed
    return
  }
  const name = supportName(status?.vehicle ?? scene.config?.vehicle ?? 'vehicle', nowMs)
  const path = resolve(options.out ?? `${name}.tar.gz`)
  const bytes = await packSupport(files, name)
  // Not even the group reads it: it is for those whom its owner gives it to.
  writeFileSync(path, bytes, { mode: 0o600 })
  if (options.json) process.stdout.write(`${JSON.stringify({ path, bytes: bytes.length, list })}\n`)
  else process.stdout.write(`${path}, ${formatBytes(bytes.length)}\n`)
}

function table(list: readonly SupportEntry[]): string[] {
  return list.map(({ name, what, bytes, secrets, positions }) => {
    const out = [
      ...(secrets > 0 ? [counted(secrets, 'secret')] : []),
      ...(positions > 0 ? [counted(positions, 'position')] : []),
    ]
    const taken =
      out.length > 0 ? paint('yellow', ` (taken out: ${out.join(', ')})`, process.stderr) : ''
    return `${name.padEnd(13)} ${formatBytes(bytes).padStart(10)}  ${what}${taken}`
  })
}

async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new AgentError('USAGE', 'Nobody can be asked here whether to write this.', {
      hint: 'Look at the list, then add --yes.',
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question('Write it? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}
