import { type LocalEvent, shortType, summaryOf } from './event.ts'

/** A contributor beside what it usually is. */
export interface ExplainedContributor {
  readonly signal: string
  readonly unit: string
  /** Its part in the score, 0 to 1. */
  readonly share: number
  readonly value: number
  /** What the model expected at that moment, from everything else that it saw. */
  readonly expected: number
  /** Spread in training around the mean, and the least and most seen there. */
  readonly normal?: {
    readonly mean: number
    readonly spread: number
    readonly min: number
    readonly max: number
  }
  /** The finding in words. */
  readonly verdict: string
}

/** Why an event came about. */
export interface Explanation {
  readonly event: LocalEvent
  readonly summary: string
  /** Sentences for a person, the most important first. */
  readonly because: readonly string[]
  readonly contributors: readonly ExplainedContributor[]
}

interface Contributor {
  signal: string
  share: number
  value: number
  expected: number
  unit?: string
  normal?: ExplainedContributor['normal']
}

/** Explains an event out of what it says itself, so that it can be explained years later. */
export function explain(event: LocalEvent): Explanation {
  const { content, type } = event
  const summary = summaryOf(event)
  switch (shortType(type)) {
    case 'inference':
      return { event, summary, ...ofInference(content) }
    case 'capture':
    case 'trigger':
      return { event, summary, because: ofTrigger(content), contributors: [] }
    case 'sensor.gap':
      return { event, summary, because: ofGap(content), contributors: [] }
    default:
      return { event, summary, because: [summary], contributors: [] }
  }
}

function ofInference(
  content: LocalEvent['content'],
): Pick<Explanation, 'because' | 'contributors'> {
  const contributors = ((content.contributors ?? []) as Contributor[]).map((one) => ({
    ...one,
    unit: one.unit ?? '',
    verdict: verdictOf(one),
  }))
  const [score, threshold] = [Number(content.score), Number(content.threshold)]
  const over = score / threshold
  const first =
    content.event === 'end'
      ? content.ended === undefined
        ? `The anomaly ended: the score of ${content.model} fell to ${over.toFixed(2)} × its threshold.`
        : `The anomaly is over because the model was ${content.ended}; the score of ${content.model} was last ${over.toFixed(2)} × its threshold.`
      : `The score of ${content.model} was ${over.toFixed(2)} × its threshold (${short(score)} against ${short(threshold)}).`
  const bundle = `Model ${content.model}, bundle ${String(content.bundleHash).slice(0, 12)}, on ${content.runtime}.`
  const most = contributors[0]
  const why = most ? [`${most.signal} makes up ${percent(most.share)} of it: ${most.verdict}.`] : []
  return { because: [first, ...why, bundle], contributors }
}

function verdictOf({ value, expected, normal, unit = '' }: Contributor): string {
  const read = `${short(value)} ${unit}`.trim()
  if (!Number.isFinite(value))
    return `it was missing; the model expected ${short(expected)} ${unit}`.trim()
  if (!normal) return `read ${read}, expected ${short(expected)}`
  const { mean, spread, min, max } = normal
  if (value > max)
    return `${read} is above everything seen in training (${short(min)} to ${short(max)})`
  if (value < min)
    return `${read} is below everything seen in training (${short(min)} to ${short(max)})`
  const far = Math.abs(value - mean) / spread
  if (far >= 2) return `${read} is rare: ${far.toFixed(1)} spreads from its mean of ${short(mean)}`
  return `${read} is usual by itself, but not with the other signals as they were: expected ${short(expected)}`
}

function ofTrigger(content: LocalEvent['content']): string[] {
  const cause = (content.cause ?? {}) as {
    when?: string
    values?: Record<string, unknown>
    anomaly?: string
    score?: number
  }
  const lines: string[] = []
  if (cause.when)
    lines.push(`The condition of campaign ${content.campaign} began to hold: ${cause.when}`)
  for (const [name, value] of Object.entries(cause.values ?? {})) lines.push(`${name} was ${value}`)
  if (cause.anomaly)
    lines.push(`Model ${cause.anomaly} saw an anomaly begin, score ${short(cause.score ?? 0)}.`)
  if (content.complete === false)
    lines.push('The capture is not complete: readings stopped, or were too many.')
  return lines
}

function ofGap(content: LocalEvent['content']): string[] {
  const { sensor, bus, kind, cause, durationMs } = content
  return [
    `Sensor ${sensor} (${kind} on ${bus}) delivered nothing for ${Number(durationMs) / 1000} s.`,
    cause === 'SILENT'
      ? 'The device was open and silent: ignition off, or a cable.'
      : `Cause: ${cause}.`,
  ]
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value)
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
