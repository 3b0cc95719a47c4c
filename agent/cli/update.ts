import { resolve } from 'node:path'
import { Command } from 'commander'
import { ask } from '../control/client.ts'
import { AgentError } from '../error.ts'
import type { UpdatesStatus } from '../updates/part.ts'
import type { Look } from '../updates/updater.ts'
import { EXIT, fail, formatBytes, paint } from './output.ts'
import { type PlaceOptions, placeOf, withPlace } from './place.ts'
import { stopAsked } from './stop-asked.ts'
import { stepLine, updateLines } from './update-lines.ts'

interface UpdateFlags extends PlaceOptions {
  readonly wait?: boolean
  readonly from?: string
}

/** A look at a repository over a thin link, with its downloads, may take this long. */
const LOOK_LIMIT_MS = 6 * 3_600_000
const SHOW_MS = 500

/** `milepost update …`: releases, as a person at the vehicle asks for them. */
export function updateCommand(): Command {
  const command = new Command('update').addHelpText(
    'after',
    `
The agent looks by itself, as its config says under updates. A new bundle is on trial first: it is
marked good, or what ran before runs again and the bundle is never tried again on this vehicle.

Examples:
  milepost update status -c milepost.yaml
  milepost update check -c milepost.yaml --wait            look now, and see it through
  milepost update apply --from /media/usb/milepost-releases -c milepost.yaml

Exit codes: 0 done, 1 failed or taken back, 2 wrong usage, 130 stopped by Ctrl-C (the agent goes on).`,
  )
  withPlace(command.command('status'))
    .description('what runs, what is on trial, what is barred, and the last steps')
    .action(run(status))
  withPlace(command.command('check'))
    .description("look for updates now, in the config's repository")
    .option('--wait', 'until every trial has come to its end')
    .action(run(look))
  withPlace(command.command('apply'))
    .description('look for updates in a folder: a USB stick, a mirror')
    .requiredOption('--from <folder>', 'folder of the repository')
    .option('--wait', 'until every trial has come to its end')
    .action(run(look))
  return command
}

function run(action: (flags: UpdateFlags) => Promise<number>) {
  return async (flags: UpdateFlags) => {
    try {
      process.exitCode = await action(flags)
    } catch (error) {
      fail(error)
    }
  }
}

async function status(flags: UpdateFlags): Promise<number> {
  const found = await statusOf(flags)
  if (flags.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
  else process.stdout.write(`${updateLines(found).join('\n')}\n`)
  return EXIT.done
}

async function look(flags: UpdateFlags): Promise<number> {
  const stop = stopAsked()
  const socket = placeOf(flags).socket
  const before = await statusOf(flags)
  const seen = new Set(before.steps.map(keyOf))
  const body = flags.from === undefined ? {} : { from: resolve(flags.from) }
  const looking = ask<{ look: Look; status: UpdatesStatus }>(socket, 'POST', '/updates/look', {
    body,
    timeoutMs: LOOK_LIMIT_MS,
    signal: stop,
  })
  let ended = false
  const done = looking.finally(() => {
    ended = true
  })
  done.catch(() => {})
  const told: UpdatesStatus['steps'][number][] = []
  const show = (found: UpdatesStatus): void => {
    for (const step of found.steps) {
      if (seen.has(keyOf(step))) continue
      seen.add(keyOf(step))
      told.push(step)
      if (!flags.json) process.stdout.write(`${stepLine(step)}\n`)
    }
    const { download } = found
    if (download && process.stderr.isTTY) {
      const share = Math.floor((100 * download.bytes) / Math.max(1, download.length))
      process.stderr.write(`\r\u001b[2K${formatBytes(download.bytes)} (${share} %)`)
    }
  }
  try {
    while (!ended && !stop.aborted) {
      show(await statusOf(flags))
      await new Promise((next) => setTimeout(next, SHOW_MS))
    }
    if (stop.aborted) return EXIT.interrupted
    const answer = await done
    show(answer.status)
    if (answer.look.error) throw lookError(answer.look.error)
    let last = answer.status
    while (flags.wait && last.slots.some(({ attempt }) => attempt) && !stop.aborted) {
      await new Promise((next) => setTimeout(next, SHOW_MS))
      last = await statusOf(flags)
      show(last)
    }
    if (stop.aborted) return EXIT.interrupted
    const bad = told.some(({ phase }) => ['back', 'refused', 'failed'].includes(phase))
    if (flags.json) process.stdout.write(`${JSON.stringify({ ...answer.look, steps: told })}\n`)
    else if (told.length === 0) {
      process.stdout.write(`${paint('green', 'up to date', process.stdout)}: nothing new\n`)
    }
    return bad ? EXIT.failed : EXIT.done
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
  }
}

async function statusOf(flags: UpdateFlags): Promise<UpdatesStatus> {
  return ask<UpdatesStatus>(placeOf(flags).socket, 'GET', '/updates').catch((error) => {
    if (error.code !== 'NO_SUCH_OPERATION') throw error
    throw new AgentError('USAGE', 'The agent takes no updates: its config has no updates.', {
      cause: error,
      hint: 'Add "updates:" with root and from to its config; agent/updates/README.md shows how.',
    })
  })
}

function lookError({ code, message, hint }: { code: string; message: string; hint?: string }) {
  return Object.assign(new Error(message), { code, hint })
}

function keyOf({ phase, timeUs, release }: UpdatesStatus['steps'][number]): string {
  return `${timeUs}/${phase}/${release}`
}
