import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalJson, sha256Of } from '../bundle/canonical.ts'
import { writeDurably } from '../durable.ts'
import { NO_STATE, type SlotState, slotStateSchema } from './state.ts'

/** Two files with the same content: where one was cut short or overwritten, the other tells. */
const FILES = ['state.json', 'state.copy.json'] as const
/** A state with as many barred hashes as there may be has a tenth of it. */
const MAX_STATE_BYTES = 1 << 20

/** What was found on the disk. */
export interface FoundState {
  readonly state: SlotState
  /** Files that were there and told nothing that could be believed. */
  readonly damaged: readonly string[]
}

/** Reads the newer of both copies; the empty state where neither can be believed. Never throws. */
export function readState(dir: string): FoundState {
  const damaged: string[] = []
  let state: SlotState | undefined
  for (const name of FILES) {
    const found = readOne(join(dir, name))
    if (found === 'damaged') damaged.push(name)
    else if (found && found.serial > (state?.serial ?? -1)) state = found
  }
  return { state: state ?? NO_STATE, damaged }
}

/** Writes both copies, one after the other. Done once the first is on the disk. */
export function writeState(dir: string, state: SlotState): void {
  const body = canonicalJson(state)
  const text = `${JSON.stringify({ sha256: sha256Of(body), body })}\n`
  for (const name of FILES) writeDurably(join(dir, name), text)
}

function readOne(path: string): SlotState | 'damaged' | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'damaged'
  }
  try {
    if (text.length > MAX_STATE_BYTES) return 'damaged'
    const { sha256, body } = JSON.parse(text) as { sha256: string; body: string }
    if (sha256Of(body) !== sha256) return 'damaged'
    return slotStateSchema.parse(JSON.parse(body))
  } catch {
    return 'damaged'
  }
}
