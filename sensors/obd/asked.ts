import { PIDS } from '../diagnostics/pids.ts'
import { hexPairs } from '../hex.ts'
import type { CannotAsk } from '../sensor.ts'

/** What an OBD sensor may be asked out of turn. */
export type Asked =
  | { readonly kind: 'clear' | 'codes' | 'identification' }
  | { readonly kind: 'pid'; readonly pid: number }

const WORDS = { '04': 'clear', codes: 'codes', identification: 'identification' } as const

/** Reads `01 0C` or `0C` (a PID of service 01 that milepost knows), `codes`, `identification`, `04`. */
export function parseAsked(what: string): Asked | undefined {
  const named = what.trim().toLowerCase()
  const word = Object.entries(WORDS).find(([word]) => word === named)
  if (word) return { kind: word[1] }
  const pid = Number.parseInt(/^(?:01\s?)?([\da-f]{2})$/.exec(named)?.[1] ?? '', 16)
  return PIDS.has(pid) ? { kind: 'pid', pid } : undefined
}

export function cannotAsk(
  { allowClear }: { readonly allowClear: boolean },
  what: string,
): CannotAsk | undefined {
  const asked = parseAsked(what)
  if (asked?.kind === 'clear' && !allowClear) {
    const reason = 'clearing trouble codes is not allowed: set allowClear: true at this sensor'
    return { reason, known: [] }
  }
  if (asked) return undefined
  const reason = 'expected codes, identification, 04, or a PID that milepost knows, such as 01 0C'
  return { reason, known: [...Object.keys(WORDS), ...[...PIDS.keys()].map(pidName)] }
}

function pidName(pid: number): string {
  return `01 ${hexPairs[pid]}`
}
