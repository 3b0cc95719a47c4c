import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readCounters, readInterface, readyInterface } from '../../../sensors/can/interface.ts'
import { socketcan } from '../../../sensors/can/socketcan.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { HandClock, Recorder } from '../recorder.ts'

/** Files as the kernel shows them under /sys/class/net. */
function sysOf(t: TestContext, files: Record<string, string>): string {
  const sys = tempDir(t)
  mkdirSync(join(sys, 'can0/statistics'), { recursive: true })
  const all = { type: '280', ifindex: '4', mtu: '16', flags: '0x1', carrier: '1', ...files }
  for (const [name, text] of Object.entries(all))
    writeFileSync(join(sys, 'can0', name), `${text}\n`)
  return sys
}

test('an interface that can be used', (t) => {
  assert.deepEqual(readyInterface('can0', true, sysOf(t, { mtu: '72' })), {
    index: 4,
    mtu: 72,
    up: true,
    carrier: true,
  })
})

test('down, bus-off, not FD, of another kind, missing: each with the command that mends it', (t) => {
  assert.throws(() => readyInterface('can0', false, sysOf(t, { flags: '0x0' })), {
    code: 'DEVICE_LOST',
    message: /can0 is down/,
    hint: /ip link set can0 up type can bitrate 500000/,
  })
  assert.throws(() => readyInterface('can0', false, sysOf(t, { carrier: '0' })), {
    code: 'DEVICE_LOST',
    message: /bus-off/,
    hint: /restart-ms/,
  })
  assert.throws(() => readyInterface('can0', true, sysOf(t, {})), {
    code: 'DEVICE_PROTOCOL',
    hint: /fd on/,
  })
  assert.throws(() => readInterface('can0', sysOf(t, { type: '1' })), { code: 'DEVICE_MISSING' })
  assert.throws(() => readInterface('can1', sysOf(t, {})), {
    code: 'DEVICE_MISSING',
    message: /can1/,
    hint: /vcan/,
  })
})

test('counters by their names; none once the interface is gone', (t) => {
  const sys = sysOf(t, {})
  const names = ['rx_packets', 'tx_packets', 'rx_errors', 'rx_dropped', 'rx_over_errors']
  for (const [i, name] of [...names, 'tx_errors', 'tx_dropped'].entries()) {
    writeFileSync(join(sys, 'can0/statistics', name), `${i + 10}\n`)
  }
  assert.deepEqual(readCounters('can0', sys), {
    rxFrames: 10,
    txFrames: 11,
    rxErrors: 12,
    rxDropped: 13,
    rxOverErrors: 14,
    txErrors: 15,
    txDropped: 16,
  })
  assert.equal(readCounters('can9', sys), undefined)
})

test('a sensor on an interface that is not there says so and leaves nothing open', async () => {
  const sensor = socketcan.create(socketcan.config.parse({ interface: 'nocan99' }))
  const recorder = new Recorder(new HandClock())
  await assert.rejects(sensor.run(recorder, new AbortController().signal), {
    code: 'DEVICE_MISSING',
    message: /nocan99/,
  })
  assert.equal(recorder.opens, 0)
})
