import type { LoggedReadings, LoggedValue } from '../../models/features/log.ts'

/** Record types that hold readings, and how each gives them back. */
const READERS: Readonly<Record<string, (content: Content) => Part | undefined>> = {
  // What is in a snapshot was read before its instant, as what is in a window before its end.
  'milepost.snapshot.v1': ({ timeUs, signals, units }) => part(timeUs, -1, signals, units),
  'milepost.window.v1': ({ timeUs, signals, units }) => part(timeUs, -1, signals, units),
  'milepost.change.v1': ({ timeUs, signal, value, unit }) =>
    typeof signal === 'string'
      ? part(timeUs, 0, { [signal]: value }, unit === undefined ? undefined : { [signal]: unit })
      : undefined,
}

interface Content {
  readonly timeUs?: unknown
  readonly signals?: unknown
  readonly units?: unknown
  readonly signal?: unknown
  readonly value?: unknown
  readonly unit?: unknown
}

type Part = Omit<LoggedReadings, 'vehicle'>

export function holdsReadings(type: string): boolean {
  return Object.hasOwn(READERS, type)
}

/**
 * The readings that a record of milepost holds; undefined for a poison message, whose content is not
 * of its type.
 * @param timeUs where the record's own time was repaired since: the time that counts
 */
export function readingsOf(
  vehicle: string,
  type: string,
  value: Buffer,
  timeUs?: number,
): LoggedReadings | undefined {
  let content: unknown
  try {
    content = JSON.parse(value.toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof content !== 'object' || content === null) return undefined
  const found = READERS[type]?.(timeUs === undefined ? content : { ...content, timeUs })
  return found && { vehicle, ...found }
}

function part(timeUs: unknown, byUs: number, signals: unknown, units: unknown): Part | undefined {
  if (typeof timeUs !== 'number' || !Number.isFinite(timeUs)) return undefined
  if (typeof signals !== 'object' || signals === null || Array.isArray(signals)) return undefined
  const known = typeof units === 'object' && units !== null
  return {
    timeUs: timeUs + byUs,
    signals: signals as Record<string, LoggedValue>,
    ...(known ? { units: units as Record<string, unknown> } : {}),
  }
}
