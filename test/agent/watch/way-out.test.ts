import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../../../agent/log.ts'
import { WayOut } from '../../../agent/watch/way-out.ts'
import type { OutboxStatus, SyncStatus, UplinkStatus } from '../../../sync/status.ts'

/** A way out under test, and the lines that it logged. */
function watched(nowMs?: () => number) {
  const told: string[] = []
  const line = (level: string) => (fields: unknown, text?: string) =>
    void told.push(`${level}: ${text ?? fields}`)
  const log = { info: line('info'), warn: line('warn'), error: line('error') }
  const wayOut = new WayOut(log as unknown as Logger, nowMs)
  return {
    told,
    see: (outbox: Partial<OutboxStatus>, uplink: Partial<UplinkStatus>): void =>
      wayOut.look({
        outbox: { state: 'ok', ...outbox },
        uplink: { state: 'off', ...uplink },
      } as SyncStatus),
  }
}

const refused = { code: 'UPLINK_DENIED', message: 'no right to it', hint: 'ask for it' } as const
const away = { code: 'UPLINK_OFFLINE', message: 'no answer', hint: 'look' } as const

test('the log has each place where the uplink arrives, and not the ways between', () => {
  const { told, see } = watched()
  see({}, { state: 'connecting' })
  see({}, { state: 'live' })
  see({}, { state: 'connecting' })
  see({}, { state: 'live' })
  see({}, { state: 'offline', lastError: away })
  see({}, { state: 'connecting', lastError: away })
  see({}, { state: 'offline', lastError: away })
  see({}, { state: 'offline', lastError: refused })
  see({}, { state: 'live', lastError: refused })
  assert.deepEqual(told, [
    'info: uplink is live',
    'warn: uplink is offline: no answer',
    'warn: uplink is offline: no right to it',
    'info: uplink is live',
  ])
})

test('a corrupt outbox is told once, and a disk that fills and empties each time', () => {
  const { told, see } = watched()
  const lastError = { code: 'OUTBOX_CORRUPT', message: 'put aside', hint: 'look' } as const
  see({ quarantinedFile: 'outbox.db.corrupt-1', lastError }, {})
  see({ quarantinedFile: 'outbox.db.corrupt-1', lastError }, {})
  const full = { code: 'OUTBOX_FULL', message: 'no room', hint: 'make some' } as const
  see({ quarantinedFile: 'outbox.db.corrupt-1', state: 'disk-full', lastError: full }, {})
  see({ quarantinedFile: 'outbox.db.corrupt-1' }, {})
  see({ state: 'starting' }, {})
  see({}, {})
  assert.deepEqual(told, [
    'error: a corrupt outbox was put aside as outbox.db.corrupt-1: put aside',
    'error: outbox is disk-full: no room',
    'info: outbox is ok',
  ])
})

test('what befalls a lane, a record or the numbers is told once, and a lane that goes on', () => {
  const { told, see } = watched()
  const lane = { lane: 'telemetry', sinceUs: 1, tries: 1, nextRetryTimeUs: 0 } as const
  const blocked = [{ ...lane, code: 'UPLINK_TOPIC_MISSING', message: 'no topic' } as const]
  const odd = { code: 'UPLINK_AHEAD', message: 'a copy', hint: 'look' } as const
  see({}, { state: 'live', oddPositions: odd })
  see({}, { state: 'live', oddPositions: odd, blocked })
  see({}, { state: 'connecting', oddPositions: odd })
  see({}, { state: 'live', oddPositions: odd, blocked: [{ ...blocked[0], tries: 2 }] })
  const lastRejection = { code: 'UPLINK_REJECTED', message: 'too large' } as const
  see({}, { state: 'live', oddPositions: odd, lastRejection, rejectedRecords: 1 })
  see({}, { state: 'live', oddPositions: odd, lastRejection, rejectedRecords: 2 })
  assert.deepEqual(told, [
    'info: uplink is live',
    'warn: uplink: a copy',
    'warn: lane telemetry is blocked, the others go on: no topic',
    'info: lane telemetry goes on',
    'warn: records that the other side refused: 1: too large',
  ])
})

test('an outbox in trouble for less than a look is told, and one that comes and goes in one line a minute', () => {
  let nowMs = 0
  const { told, see } = watched(() => nowMs)
  const error = { code: 'OUTBOX_FULL', message: 'no room', hint: 'make some' } as const
  const troubles = (count: number) => ({ count, state: 'disk-full', error }) as const
  const look = (count: number, state: OutboxStatus['state'] = 'ok') => {
    nowMs += 1_000
    see({ state, lastError: error, troubles: troubles(count) }, {})
  }
  see({}, {})
  look(1)
  assert.deepEqual(told, ['error: outbox was disk-full, for less than 1000 ms: no room'])
  for (let count = 2; count <= 59; count++) look(count)
  assert.equal(told.length, 1)
  look(59)
  look(59)
  assert.deepEqual(told.slice(1), [
    'error: outbox was disk-full, 58 times, for less than 1000 ms: no room',
  ])
  // One that lasts is told by its state alone; so is its end.
  nowMs += 60_000
  look(60, 'disk-full')
  look(60)
  assert.deepEqual(told.slice(2), ['error: outbox is disk-full: no room', 'info: outbox is ok'])
  // A thread that was started again counts anew.
  nowMs += 60_000
  look(1)
  assert.equal(told.length, 5)
})
