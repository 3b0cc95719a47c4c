import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentStatus } from '../../../agent/status.ts'
import { linkError, modelAnswer, uplinkAnswer } from '../../../agent/web/page/answers.ts'
import { todosOf } from '../../../agent/web/page/todos.ts'
import { NO_COUNTS } from '../../../sync/relay/status.ts'
import { NO_LANES, type UplinkStatus } from '../../../sync/status.ts'

const NOW_US = 1_800_000_000_000_000

const LIVE: UplinkStatus = {
  ...{ kind: 'kafka', state: 'live', sinceUs: NOW_US, sentRecords: 5, sentBytes: 500 },
  ...{ lastAckTimeUs: NOW_US, nextRetryTimeUs: 0 },
}
const MISSING = { code: 'UPLINK_TOPIC_MISSING', message: 'no topic', hint: 'make it' } as const
const BLOCKED = {
  ...MISSING,
  ...({ lane: 'events', sinceUs: NOW_US, tries: 2, nextRetryTimeUs: 0 } as const),
}

/** An agent that is well, but for what is given. */
function statusOf(uplink: UplinkStatus, deadRecords = 0, more: Partial<AgentStatus> = {}) {
  const status: AgentStatus = {
    ...{ vehicle: 'v', version: '0', pid: 1, state: 'running', startedUs: 0, nowUs: NOW_US },
    ...{ clock: 'synced', sensors: [], buses: [], decode: undefined, readings: 0, records: 0 },
    ...{ models: [], relay: undefined, parts: {}, faults: [], memoryBytes: 0 },
    signals: { known: 1, refused: 0 },
    sync: {
      timeUs: NOW_US,
      lanes: NO_LANES,
      uplink,
      outbox: {
        ...{ path: 'o.db', epoch: 'e', state: 'ok', sinceUs: NOW_US, fileBytes: 1, walBytes: 0 },
        ...{ queuedRecords: 0, queuedBytes: 0, commitP50Ms: 1, commitP99Ms: 2, deadRecords },
        ...{ salvaging: false, writtenBytes: 0, writtenBytesPerRecord: 0 },
      },
    },
    ...more,
  }
  return status
}

test('nothing to do where all is well', () => {
  assert.deepEqual(todosOf(statusOf(LIVE)), [])
  assert.equal(uplinkAnswer(statusOf(LIVE)).level, 'fine')
})

test('a blocked lane, refused records and positions that do not fit: each once, with what to do', () => {
  const odd = { code: 'UPLINK_AHEAD', message: 'a copy', hint: 'look' } as const
  const refusal = { code: 'UPLINK_REJECTED', message: 'too large', hint: 'smaller' } as const
  const uplink = { ...LIVE, blocked: [BLOCKED], oddPositions: odd, lastRejection: refusal }
  // Between two tries the uplink connects anew, and its last error is the lane's or the record's.
  for (const lastError of [undefined, MISSING, refusal]) {
    const now = { ...uplink, ...(lastError && { state: 'connecting' as const, lastError }) }
    const told = todosOf(statusOf(now, 3)).map(({ what, next }) => [what, next])
    assert.deepEqual(told, [
      ['The other side refused 3 records: too large', 'smaller'],
      ['Lane events is blocked (UPLINK_TOPIC_MISSING): no topic', 'make it'],
      ['Positions did not fit (UPLINK_AHEAD): a copy', 'look'],
    ])
    assert.equal(linkError(now), undefined)
  }
  const { level, text } = uplinkAnswer(statusOf(uplink))
  assert.deepEqual([level, text], ['warn', 'Yes, but not events'])
})

test('records that were refused before this start are told too', () => {
  const [todo] = todosOf(statusOf(LIVE, 1))
  assert.equal(todo.what, 'The other side refused 1 record')
  assert.match(todo.next!, /ledger/)
})

test('a DBC file left out, and names without end', () => {
  const told = todosOf(
    statusOf(LIVE, 0, {
      signals: { known: 10_000, refused: 7 },
      decode: {
        ...{ frames: 0, decoded: 0, skipped: 0, unknown: 0, short: 0 },
        noValues: { notAvailable: 0, errors: 0, outOfRange: 0 },
        skippedFiles: ['body.dbc'],
      },
    }),
  )
  assert.deepEqual(
    told.map(({ what }) => what),
    ['A broken DBC file is left out: body.dbc', '7 readings had a name too many: 10,000 are known'],
  )
})

test('a depot tells of its relay, and of the way out of those whom it relays', () => {
  const relay = {
    ...{ timeUs: NOW_US, sinceUs: NOW_US, vehicles: 2, counts: NO_COUNTS },
    ...({ state: 'full', waiting: { critical: 0, events: 0, telemetry: 9 } } as const),
    lastError: { code: 'OUTBOX_FULL', message: 'the store is full', hint: 'more room' } as const,
    ...{ refusedByKafka: 1, lastRefusal: 'too large' },
    forward: { ...LIVE, blocked: [BLOCKED] },
  }
  const [offline] = todosOf(statusOf(LIVE, 0, { relay: { ...relay, state: 'offline' } }))
  assert.equal(offline.level, 'warn')
  const told = todosOf(statusOf(LIVE, 0, { relay })).map(({ level, what }) => [level, what])
  assert.deepEqual(told, [
    ['stop', 'The relay is full: the store is full'],
    ['warn', 'Kafka refused 1 record of the relayed vehicles: too large'],
    ['warn', 'Lane events of the relayed vehicles is blocked (UPLINK_TOPIC_MISSING): no topic'],
  ])
})

test('a model that gets no row is told with the input that is missing', () => {
  const model = {
    ...{ name: 'm', slot: 'm', hash: 'h'.repeat(64), runtime: 'compiled', threshold: 1 },
    ...{ inferences: 0, invalid: 0, anomalies: 0, active: false, lastScore: undefined },
    ...{ problems: [], starved: 'Heat was missing in 20 of 20' },
  }
  const status = statusOf(LIVE, 0, { models: [model] })
  assert.deepEqual(
    todosOf(status).map(({ what }) => what),
    ['m has made no inference: Heat was missing in 20 of 20'],
  )
  assert.deepEqual(modelAnswer(status), {
    level: 'warn',
    text: 'm lacks a signal',
    detail: 'Heat was missing in 20 of 20',
  })
})
