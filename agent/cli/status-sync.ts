import { REFUSED_HINT, type RelayStatus } from '../../sync/relay/status.ts'
import type { BlockedLane, UplinkStatus } from '../../sync/status.ts'
import type { SyncStatus } from '../../sync/sync-thread.ts'
import { complaint } from './complaint.ts'
import { counted, formatBytes, formatCount, formatSpan, paint, printable } from './output.ts'

const head = (text: string): string => paint('bold', text.padEnd(9), process.stdout)

/** Lanes, outbox and uplink: each state that is not well with its reason and what to do next. */
export function syncLines({ lanes, outbox, uplink }: SyncStatus, nowUs: number): string[] {
  const out = process.stdout
  const ago = (us: number): string => (us > 0 ? `${formatSpan((nowUs - us) / 1000)} ago` : 'never')
  const lines: string[] = []
  for (const [lane, s] of Object.entries(lanes)) {
    const lost = s.evicted + s.dropped
    lines.push(
      `${head('lane')} ${lane.padEnd(9)} ${formatCount(s.records)} waiting, ${formatBytes(s.bytes)}, oldest ${ago(s.oldestTimeUs)}${lost > 0 ? `, ${paint('yellow', `${formatCount(lost)} lost`, out)}` : ''}`,
    )
    const blocked = uplink.blocked?.find((each) => each.lane === lane)
    if (blocked) lines.push(...blockedLines('blocked', blocked, nowUs))
  }
  const written = outbox.writtenBytesPerRecord
  lines.push(
    `${head('outbox')} ${paint(outbox.state === 'ok' ? 'green' : 'yellow', outbox.state, out)}, ${formatBytes(outbox.fileBytes)} on disk, commit ${outbox.commitP50Ms.toFixed(1)} ms (99 %: ${outbox.commitP99Ms.toFixed(1)})${written ? `, ${formatBytes(written)} written per record` : ''}${outbox.encrypted ? ', encrypted' : ''}`,
  )
  if (outbox.lastError && outbox.state !== 'ok') lines.push(...complaint(outbox.lastError))
  if (outbox.quarantinedFile) {
    lines.push(`${' '.repeat(10)}a corrupt outbox lies aside as ${outbox.quarantinedFile}`)
  }
  const good = uplink.state === 'live' || uplink.state === 'off'
  const retry =
    uplink.nextRetryTimeUs > nowUs
      ? `, next try in ${formatSpan((uplink.nextRetryTimeUs - nowUs) / 1000)}`
      : ''
  const delivery = uplink.delivery ? `, ${uplink.delivery}` : ''
  lines.push(
    `${head('uplink')} ${uplink.kind} ${paint(good ? 'green' : 'yellow', uplink.state, out)}${delivery}, ${counted(uplink.sentRecords, 'record')} sent, last ${ago(uplink.lastAckTimeUs)}${retry}`,
  )
  lines.push(...uplinkComplaints(uplink))
  if (outbox.deadRecords > 0) {
    lines.push(
      `${head('rejected')} ${paint('yellow', counted(outbox.deadRecords, 'record'), out)} put aside: the other side refused them; the rest went on`,
    )
    if (uplink.lastRejection) lines.push(...complaint(uplink.lastRejection))
  }
  return lines
}

/** What a depot takes in from other vehicles, and how it goes on to Kafka. */
export function relayLines(relay: RelayStatus, nowUs: number): string[] {
  const out = process.stdout
  const { state, counts, vehicles, waiting, forward, lastError, refusedByKafka, lastRefusal } =
    relay
  const { critical, events, telemetry } = waiting
  const fine = state === 'live' && forward.state === 'live'
  const lines = [
    `${head('relay')} ${paint(fine ? 'green' : 'yellow', state, out)}, ${counted(vehicles, 'vehicle')}, ${formatCount(counts.kept)} kept, ${formatCount(counts.duplicates)} seen before, ${formatCount(critical + events + telemetry)} waiting, forwarding ${forward.state}`,
  ]
  if (lastError) lines.push(...complaint(lastError))
  lines.push(...uplinkComplaints(forward))
  for (const blocked of forward.blocked ?? []) {
    lines.push(...blockedLines(`lane ${blocked.lane} blocked`, blocked, nowUs))
  }
  if (refusedByKafka > 0) {
    lines.push(
      `${' '.repeat(10)}${paint('yellow', `${counted(refusedByKafka, 'record')} refused by Kafka`, out)}${lastRefusal ? `: ${printable(lastRefusal)}` : ''}`,
      `${' '.repeat(10)}${paint('cyan', 'Next:', out)} ${REFUSED_HINT}`,
    )
  }
  return lines
}

function uplinkComplaints({ lastError, oddPositions }: UplinkStatus): string[] {
  return [lastError, oddPositions].flatMap((error) => (error ? complaint(error) : []))
}

function blockedLines(what: string, blocked: BlockedLane, nowUs: number): string[] {
  const { sinceUs, tries, nextRetryTimeUs } = blocked
  const next =
    nextRetryTimeUs > nowUs ? `in ${formatSpan((nextRetryTimeUs - nowUs) / 1000)}` : 'now'
  return [
    `${' '.repeat(10)}${paint('yellow', what, process.stdout)} for ${formatSpan((nowUs - sinceUs) / 1000)}, tried ${counted(tries, 'time')}, next try ${next}; the other lanes go on`,
    ...complaint(blocked),
  ]
}
