import type { Complaint, UplinkStatus } from '../../../sync/status.ts'
import type { AgentStatus } from '../../status.ts'
import type { Code } from './events.ts'
import { ago, bytes, count, many, span } from './format.ts'

/** `stop`: something is broken. `warn`: look at it. `fine`, and `quiet` where nothing is to be judged. */
export type Level = 'stop' | 'warn' | 'fine' | 'quiet'

/** The answer to one of the technician's questions. */
export interface Answer {
  readonly level: Level
  readonly text: string
  readonly detail?: string
}

/** Data is old when the newest is older than this. */
const QUIET_MS = 10_000
/** The outbox is told of when it is so full. */
const WAITING_LONG_MS = 10 * 60_000

/** Is the bus read? */
export function busAnswer(status: AgentStatus, framesPerSec: number): Answer {
  const { sensors, nowUs } = status
  if (sensors.length === 0) return { level: 'quiet', text: 'No sensor is configured' }
  const live = sensors.filter(({ state }) => state === 'live')
  const bad = sensors.filter(({ state }) => state !== 'live' && state !== 'off')
  const lost = sensors.reduce(
    (sum, { dropped }) => sum + Object.values(dropped).reduce((a, b) => a + (b ?? 0), 0),
    0,
  )
  const detail = [
    many(live.length, 'sensor live', 'sensors live'),
    ...(bad.length ? [bad.map(({ id, state }) => `${id} is ${state}`).join(', ')] : []),
    lost ? `${count(lost)} lost` : 'none lost',
  ].join(', ')
  if (bad.some(({ state }) => state === 'failed') || (live.length === 0 && bad.length > 0)) {
    return { level: 'stop', text: 'No, not all of it', detail }
  }
  const newestUs = Math.max(...sensors.map(({ lastDataUs }) => lastDataUs))
  if (live.length > 0 && (nowUs - newestUs) / 1000 > QUIET_MS) {
    return { level: 'warn', text: `Silent, last data ${ago(newestUs, nowUs)}`, detail }
  }
  if (live.length === 0) return { level: 'quiet', text: 'Every source has ended', detail }
  const text = framesPerSec >= 1 ? `Yes, ${count(framesPerSec)} frames/s` : 'Yes'
  return { level: bad.length || lost ? 'warn' : 'fine', text, detail }
}

/** Is the model right? */
export function modelAnswer({ models }: AgentStatus): Answer {
  if (models.length === 0) return { level: 'quiet', text: 'No model is configured' }
  const problem = models.find(({ problems }) => problems.length > 0)
  if (problem) {
    return { level: 'warn', text: `${problem.name} lacks a signal`, detail: problem.problems[0] }
  }
  const starved = models.find(({ starved }) => starved)
  if (starved) {
    return { level: 'warn', text: `${starved.name} lacks a signal`, detail: starved.starved }
  }
  const detail = models.map(({ name, hash }) => `${name} ${hash.slice(0, 12)}`).join(', ')
  const odd = models.find(({ active }) => active)
  if (odd) return { level: 'warn', text: `${odd.name} sees an anomaly now`, detail }
  if (models.every(({ inferences }) => inferences === 0)) {
    return { level: 'quiet', text: 'Waiting for its signals', detail }
  }
  return { level: 'fine', text: 'Yes, and sees nothing unusual', detail }
}

/** Are there faults? */
export function faultsAnswer(codes: readonly Code[] | undefined): Answer {
  if (!codes) return { level: 'quiet', text: 'Not known yet' }
  const there = codes.filter(({ present }) => present)
  const gone = codes.length - there.length
  const detail = there.length
    ? there.map(({ code }) => code).join(', ')
    : gone
      ? `${many(gone, 'code')} gone again`
      : 'no trouble code was told'
  if (there.length === 0)
    return { level: codes.length ? 'fine' : 'quiet', text: 'None told', detail }
  return { level: 'warn', text: many(there.length, 'trouble code'), detail }
}

/** Is data waiting? */
export function waitingAnswer({ sync, nowUs }: AgentStatus): Answer {
  if (!sync) return { level: 'quiet', text: 'The outbox is being opened' }
  const { outbox, lanes } = sync
  if (outbox.state !== 'ok' && outbox.state !== 'starting') {
    return {
      level: 'stop',
      text: `The outbox is ${outbox.state}`,
      detail: outbox.lastError?.message,
    }
  }
  const all = Object.values(lanes)
  const records = all.reduce((sum, lane) => sum + lane.records, 0)
  const oldest = all.map(({ oldestTimeUs }) => oldestTimeUs).filter(Boolean)
  const detail = `${bytes(outbox.fileBytes)} on disk${outbox.deadRecords ? `, ${count(outbox.deadRecords)} refused` : ''}`
  if (records === 0) return { level: 'fine', text: 'Nothing waits', detail }
  const age = oldest.length ? `, oldest ${span((nowUs - Math.min(...oldest)) / 1000)}` : ''
  const long = oldest.length > 0 && (nowUs - Math.min(...oldest)) / 1000 > WAITING_LONG_MS
  const level = sync.uplink.kind === 'none' ? 'quiet' : long ? 'warn' : 'fine'
  return { level, text: `${many(records, 'record')}${age}`, detail }
}

/**
 * What is wrong with the way out as a whole. The connection ends with the first error of a lane or a record,
 * which is then told of for itself.
 */
export function linkError({
  lastError,
  lastRejection,
  blocked = [],
}: UplinkStatus): Complaint | undefined {
  return [...blocked, lastRejection].some((one) => one && one.message === lastError?.message)
    ? undefined
    : lastError
}

/** Why is it not sent? */
export function uplinkAnswer({ sync, nowUs }: AgentStatus): Answer {
  if (!sync) return { level: 'quiet', text: 'Not known yet' }
  const { kind, state, lastAckTimeUs, nextRetryTimeUs, blocked = [] } = sync.uplink
  const lastError = linkError(sync.uplink)
  const acknowledged = `last acknowledged ${ago(lastAckTimeUs, nowUs)}`
  if (kind === 'none')
    return {
      level: 'quiet',
      text: 'No uplink is configured',
      detail: 'Records are kept on this vehicle',
    }
  if (state === 'live') {
    const waits = blocked.map(({ lane }) => lane).join(', ')
    return waits
      ? { level: 'warn', text: `Yes, but not ${waits}`, detail: acknowledged }
      : { level: 'fine', text: `Yes, by ${kind}`, detail: acknowledged }
  }
  if (state === 'off')
    return { level: 'warn', text: 'No, the uplink is paused', detail: acknowledged }
  if (state === 'throttled')
    return { level: 'warn', text: 'Slowly, as the config limits it', detail: acknowledged }
  if (state === 'fenced')
    return { level: 'stop', text: 'No, another device has this name', detail: lastError?.message }
  const retry =
    nextRetryTimeUs > nowUs ? `next try in ${span((nextRetryTimeUs - nowUs) / 1000)}` : 'trying now'
  return {
    level: lastError ? 'warn' : 'quiet',
    text: state === 'connecting' ? 'Connecting' : 'No, it is offline',
    detail: `${lastError ? `${lastError.code}, ` : ''}${retry}, ${acknowledged}`,
  }
}
