import type { ListedEvent } from '../../local/events.ts'
import type { Explanation } from '../../local/explain.ts'

export type { Explanation, ListedEvent }

/** Content of a `milepost.dtc.v1` event, as far as it is shown. */
export interface CodeContent {
  readonly sensor: string
  readonly ecu: string
  readonly code: string
  readonly status: readonly string[]
  readonly event: 'appeared' | 'changed' | 'gone'
  readonly firstSeenUs: number
  readonly lastSeenUs: number
  readonly freezeFrame?: Readonly<Record<string, unknown>>
}

/** A trouble code as it was last told. */
export interface Code extends CodeContent {
  readonly id: number
  readonly timeUs: number
}

/** The last word on each code, those that are there first. @param events the newest first */
export function codesOf(events: readonly ListedEvent[]): Code[] {
  const codes = new Map<string, Code>()
  for (const { id, timeUs, content } of events) {
    const told = content as unknown as CodeContent
    const key = `${told.sensor} ${told.ecu} ${told.code}`
    if (!codes.has(key)) codes.set(key, { ...told, id, timeUs })
  }
  return [...codes.values()].sort(
    (a, b) => Number(a.event === 'gone') - Number(b.event === 'gone') || b.timeUs - a.timeUs,
  )
}

/** Content of a `milepost.capture.v1` event, whole. */
export interface CaptureContent {
  readonly campaign: string
  readonly timeUs: number
  readonly cause: { readonly when?: string; readonly anomaly?: string; readonly score?: number }
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
