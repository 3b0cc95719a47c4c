import type { ListedEvent as AnyEvent } from '../../local/events.ts'
import type { Explanation } from '../../local/explain.ts'
import type { SensorCode } from '../../trouble-codes/trouble-codes-part.ts'

export type { Explanation, SensorCode }

/** An event of `GET /events`, with the content of the type that was asked for. */
export interface ListedEvent<Content = AnyEvent['content']> extends Omit<AnyEvent, 'content'> {
  readonly content: Content
}

/** What `GET /dtc` answers: the codes that are known now, and who reads them. */
export interface KnownCodes {
  readonly sensors: readonly { readonly sensor: string; readonly kind: string }[]
  readonly codes: readonly SensorCode[]
}

/** A trouble code that is there, or was once. */
export interface Code extends SensorCode {
  readonly present: boolean
}

/** The codes that are known now, then those that events tell of and that are gone. @param events the newest first */
export function codesOf(
  known: readonly SensorCode[],
  events: readonly ListedEvent<SensorCode>[],
): Code[] {
  const keyOf = ({ sensor, ecu, code }: SensorCode): string => `${sensor} ${ecu} ${code}`
  const codes = new Map<string, Code>(known.map((one) => [keyOf(one), { ...one, present: true }]))
  for (const { content: told } of events) {
    if (!codes.has(keyOf(told))) codes.set(keyOf(told), { ...told, present: false })
  }
  return [...codes.values()].sort(
    (a, b) => Number(b.present) - Number(a.present) || b.lastSeenUs - a.lastSeenUs,
  )
}

/** Content of a `milepost.capture.v1` event, as far as a list has it. */
export interface CaptureCause {
  readonly campaign: string
  readonly cause: { readonly when?: string; readonly anomaly?: string; readonly score?: number }
}

/** The same, whole. */
export interface CaptureContent extends CaptureCause {
  readonly timeUs: number
  readonly fromUs: number
  readonly toUs: number
  readonly complete: boolean
  readonly signals: Readonly<
    Record<string, { unit: string; offsetsUs: number[]; values: (number | string)[] }>
  >
}

/** Content of a `milepost.inference.v1` event, as far as a list shows it. */
export interface InferenceContent {
  readonly model: string
  readonly event: 'begin' | 'end'
  readonly score: number
  readonly threshold: number
  readonly contributors: readonly { readonly signal: string; readonly share: number }[]
}
