import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../../../agent/log.ts'
import { WayOut } from '../../../agent/watch/way-out.ts'
import type { OutboxStatus, SyncStatus, UplinkStatus } from '../../../sync/status.ts'

/** A way out under test, and the lines that it logged. */
function watched() {
  const told: string[] = []
  const line = (level: string) => (fields: unknown, text?: string) =>
    void told.push(`${level}: ${text ?? fields}`)
  const log = { info: line('info'), warn: line('warn'), error: line('error') }
  const wayOut = new WayOut(log as unknown as Logger)
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
