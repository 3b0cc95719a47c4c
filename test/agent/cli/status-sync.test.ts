import assert from 'node:assert/strict'
import { test } from 'node:test'
import { relayLines, syncLines } from '../../../agent/cli/status-sync.ts'
import { NO_COUNTS } from '../../../sync/relay/status.ts'
import { NO_LANES, type OutboxState, type UplinkState } from '../../../sync/status.ts'
import type { SyncStatus } from '../../../sync/sync-thread.ts'

const NOW_US = 1_800_000_000_000_000
const ERROR = { code: 'OUTBOX_FULL', message: 'what happened', hint: 'what to do' } as const

function statusOf(outbox: OutboxState, uplink: UplinkState): SyncStatus {
  return {
    timeUs: NOW_US,
    lanes: NO_LANES,
    outbox: {
      ...{ path: 'o.db', epoch: 'e', state: outbox, sinceUs: NOW_US, fileBytes: 4096, walBytes: 0 },
      ...{ queuedRecords: 0, queuedBytes: 0, commitP50Ms: 1, commitP99Ms: 2, deadRecords: 0 },
      ...{ salvaging: false, writtenBytes: 0, writtenBytesPerRecord: 0, lastError: ERROR },
    },
    uplink: {
      ...{ kind: 'kafka', state: uplink, sinceUs: NOW_US, sentRecords: 0, sentBytes: 0 },
      ...{ lastAckTimeUs: 0, nextRetryTimeUs: NOW_US + 5_000_000, lastError: ERROR },
      delivery: 'at-least-once',
    },
  }
}

const textOf = (status: SyncStatus) => syncLines(status, NOW_US).join('\n')

test('each state that is not well stands there by its name, with what to do next', () => {
  for (const state of ['disk-full', 'read-only', 'locked', 'corrupt', 'failed'] as const) {
    const text = textOf(statusOf(state, 'off'))
    assert.match(
      text,
      new RegExp(`outbox.*${state}.*\\n.*OUTBOX_FULL: what happened\\n.*Next: what to do`),
    )
  }
  for (const state of ['offline', 'fenced', 'throttled', 'connecting'] as const) {
    const text = textOf(statusOf('ok', state))
    assert.match(
      text,
      new RegExp(`uplink.*${state}.*next try in.*\\n.*what happened\\n.*Next: what`),
    )
  }
})

test('a lane that is blocked, records that were refused, and weaker delivery are told', () => {
  const status = statusOf('ok', 'live')
  const told = textOf({
    ...status,
    outbox: { ...status.outbox, deadRecords: 3, quarantinedFile: 'o.db.corrupt-1' },
    uplink: {
      ...status.uplink,
      lastRejection: { code: 'UPLINK_REJECTED', message: 'too large', hint: 'smaller' },
      blocked: [
        {
          ...{ lane: 'events', code: 'UPLINK_TOPIC_MISSING', message: 'no topic', hint: 'make it' },
          ...{ sinceUs: NOW_US - 60_000_000, tries: 7, nextRetryTimeUs: NOW_US + 2_000_000 },
        },
      ],
    },
  })
  assert.match(told, /events.*\n.*blocked.*tried 7 times.*the other lanes go on/)
  assert.match(told, /no topic\n.*Next: make it/)
  assert.match(told, /rejected.*3 records.*\n.*too large\n.*Next: smaller/)
  assert.match(told, /at-least-once/)
  assert.match(told, /o\.db\.corrupt-1/)
})

test("a depot's relay tells of blocked lanes, odd positions and what Kafka refused", () => {
  const { uplink } = statusOf('ok', 'live')
  const lines = relayLines(
    {
      ...{ timeUs: NOW_US, state: 'live', sinceUs: NOW_US, counts: NO_COUNTS, vehicles: 2 },
      waiting: { critical: 0, events: 3, telemetry: 0 },
      ...{ refusedByKafka: 2, lastRefusal: 'too large' },
      forward: {
        ...uplink,
        lastError: undefined,
        blocked: [
          {
            ...{ lane: 'events', sinceUs: NOW_US - 60_000_000, tries: 3, nextRetryTimeUs: 0 },
            ...{ code: 'UPLINK_DENIED', message: 'not allowed', hint: 'allow it' },
          },
        ],
        oddPositions: { code: 'UPLINK_BEHIND', message: 'forgotten', hint: 'look' },
      },
    },
    NOW_US,
  )
  const text = lines.join('\n')
  assert.match(text, /lane events blocked for 1 min.*\n.*UPLINK_DENIED: not allowed\n.*allow it/)
  assert.match(text, /UPLINK_BEHIND: forgotten\n.*look/)
  assert.match(text, /2 records refused by Kafka: too large\n.*ledger/)
})
