import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { ask } from '../control/client.ts'
import { complaintOf } from '../error.ts'
import type { AgentStatus } from '../status.ts'
import { complaint } from './complaint.ts'
import { EXIT, fail, quietPipe } from './output.ts'
import { type Place, type PlaceOptions, placeOf, withPlace } from './place.ts'
import { HANGING, statusScreen } from './status-screen.ts'
import { stopAsked } from './stop-asked.ts'
import { terminalColumns, wrapped } from './wrap.ts'

const EVERY_MS = 1_000
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'

export function watchCommand(): Command {
  return withPlace(new Command('watch'))
    .addHelpText(
      'after',
      `
The screen of "milepost status", drawn anew each second until Ctrl-C. It waits for an agent that is
down. Where the output is no terminal, or with --json, one line of JSON a second.

Examples:
  milepost watch -c milepost.yaml
  milepost watch --json | jq -c '[.nowUs, .readings]'`,
    )
    .action(async (options: PlaceOptions) => {
      try {
        const place = placeOf(options)
        const stopped = stopAsked()
        quietPipe()
        const plain = options.json === true || process.stdout.isTTY !== true
        await (plain ? lines(place, stopped) : screen(place, stopped))
        process.exit(EXIT.done)
      } catch (error) {
        fail(error)
      }
    })
}

async function lines(place: Place, stopped: AbortSignal): Promise<void> {
  await each(stopped, async () => {
    const status = await statusOf(place)
    process.stdout.write(`${JSON.stringify(status)}\n`)
  })
}

async function screen(place: Place, stopped: AbortSignal): Promise<void> {
  const out = process.stdout
  // Whatever ends this process gives the terminal back.
  process.once('exit', () => out.write(LEAVE))
  out.write(ENTER)
  await each(stopped, async () => {
    const status = await statusOf(place)
    const body =
      'state' in status
        ? statusScreen(status)
        : ['No agent answers; waiting.', ...complaint(status)]
    const fitting = wrapped(body, terminalColumns(out), HANGING)
    const shown = [...fitting, '', 'Ctrl-C ends this.'].slice(0, Math.max(1, out.rows - 1))
    const text = shown.map((line) => `${cut(line, out.columns)}${CLEAR_LINE}`).join('\n')
    out.write(`${HOME}${text}\n${CLEAR_BELOW}`)
  })
}

async function each(stopped: AbortSignal, draw: () => Promise<void>): Promise<void> {
  while (!stopped.aborted) {
    await draw()
    await sleep(EVERY_MS, undefined, { signal: stopped }).catch(() => {})
  }
}

async function statusOf(place: Place): Promise<AgentStatus | ReturnType<typeof complaintOf>> {
  return ask<AgentStatus>(place.socket, 'GET', '/status').catch(complaintOf)
}

/** A line cut to the width of the terminal; colours take no width. */
export function cut(line: string, columns: number): string {
  let width = 0
  let text = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith('\u001b')) text += part
    else {
      const room = Math.max(0, columns - width)
      text += part.slice(0, room)
      width += part.length
    }
  }
  return text
}
