import type { UpdatesStatus } from '../updates/part.ts'
import type { UpdateStep } from '../updates/steps.ts'
import { formatBytes, formatSpan, paint } from './output.ts'

const COLOURS = {
  good: 'green',
  applied: 'green',
  back: 'red',
  refused: 'red',
  failed: 'yellow',
  check: 'red',
} as const

/** What `milepost update status` shows, and `milepost status` in short. */
export function updateLines(found: UpdatesStatus): string[] {
  const out = process.stdout
  const head = (text: string): string => paint('bold', text.padEnd(9), out)
  const { from, state, lastLook, lastGoodUs, download } = found
  const ago = (us: number): string => `${formatSpan(Date.now() - us / 1000)} ago`
  const lines = [
    `${head('updates')} ${state ?? 'starting'}, from ${from ?? 'USB or by hand'}, last good look ${lastGoodUs ? ago(lastGoodUs) : 'never'}`,
  ]
  if (download) {
    lines.push(
      `${head('')} ${download.release}: ${formatBytes(download.bytes)} of ${formatBytes(download.length)}`,
    )
  }
  if (lastLook?.error) {
    lines.push(
      `${head('')} ${paint('yellow', lastLook.error.code, out)}: ${lastLook.error.message}`,
    )
    if (lastLook.error.hint) lines.push(`${head('')} Next: ${lastLook.error.hint}`)
  }
  for (const { slot, current, previous, attempt, barred } of found.slots) {
    const one = (what: { hash: string; release: string } | undefined): string =>
      what ? `${what.release} ${what.hash.slice(0, 12)}` : "the config's own"
    lines.push(`${head('slot')} ${slot}: ${one(current)}, before it ${one(previous)}`)
    if (attempt) {
      const { rows, ms, crashes } = attempt
      lines.push(
        `${head('')} on trial: ${one(attempt)}, ${rows} rows in ${formatSpan(ms)}, ${crashes} crashes`,
      )
    }
    for (const { file, hash, reason } of barred.slice(-5)) {
      lines.push(
        `${head('')} ${paint('red', 'barred', out)} ${(hash ?? file).slice(0, 12)}: ${reason}`,
      )
    }
  }
  for (const { kind, name, version, state: is, reason } of found.held) {
    lines.push(`${head(kind)} ${name} ${version}: ${is}${reason ? `, ${reason}` : ''}`)
  }
  return lines
}

/** One step, as it is told while it happens. */
export function stepLine({ phase, release, name, hash, reason, stage }: UpdateStep): string {
  const colour = COLOURS[phase as keyof typeof COLOURS]
  const word = phase.padEnd(8)
  const parts = [release ?? name, hash?.slice(0, 12), stage && `stage ${stage}`].filter(Boolean)
  return `${colour ? paint(colour, word, process.stdout) : word} ${parts.join(' ')}${reason ? `: ${reason}` : ''}`
}
