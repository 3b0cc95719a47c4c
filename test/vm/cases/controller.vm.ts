// The kernel's own driver for serial adapters, fed over a pty: real states of a real CAN device.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { SensorError } from '../../../sensors/errors.ts'
import { openPty } from '../../support/pty.ts'
import { eventually, ip, openCan } from '../guest.ts'

const NAME = 'slcan0'

/** An adapter that says what the test wants; the kernel's `slcan` driver makes an interface of it. */
async function adapter(t: TestContext) {
  const pty = openPty()
  const heard: string[] = []
  pty.onData((chunk) => heard.push(chunk.toString('latin1')))
  const daemon = spawn('slcand', ['-F', '-o', '-s6', pty.path, NAME], { stdio: 'ignore' })
  // Both: the daemon has the line open, and inherited the other end of it as well.
  const unplug = async (): Promise<void> => {
    daemon.kill()
    await pty.close()
    await eventually(() => !existsSync(`/sys/class/net/${NAME}`))
  }
  t.after(unplug)
  await eventually(() => existsSync(`/sys/class/net/${NAME}`))
  ip(`link set ${NAME} up`)
  return { pty, heard, unplug }
}

test('a controller on its way to bus-off, and back when its interface is set up again', async (t) => {
  const { pty } = await adapter(t)
  const { recorder, ended, until } = await openCan(t, { interface: NAME })
  await pty.write('t1233AABBCC\r')
  await until(() => recorder.seen.some((frame) => frame.data === 'aabbcc'))
  await pty.write('sw100020\r')
  await until(() => recorder.facts.busState === 'error-warning')
  await pty.write('sp130020\r')
  await until(() => recorder.facts.busState === 'error-passive')
  await pty.write('e1a\r')
  await until(() => recorder.facts.missingAcks === 1)
  await pty.write('sb000000\r')
  const error = await ended
  assert.ok(error instanceof SensorError, String(error))
  assert.match(error.message, /slcan0 is bus-off/)
  assert.equal(recorder.facts.errorPassives, 1)
  assert.equal(recorder.facts.busOffs, 1)
  t.diagnostic(JSON.stringify(recorder.facts))
  // The driver took the carrier away: opening it says what is the matter.
  await assert.rejects(openCan(t, { interface: NAME }), { message: /bus-off/, hint: /restart-ms/ })
  ip(`link set ${NAME} down`)
  ip(`link set ${NAME} up`)
  const again = await openCan(t, { interface: NAME })
  await pty.write('T18FEF1001AA\r')
  await again.until(() => again.recorder.seen.some((frame) => frame.id === 0x18fef100))
})

test('a bus that has errors alone: the bitrate is wrong, and how to set another', async (t) => {
  const { pty } = await adapter(t)
  const { ended } = await openCan(t, { interface: NAME })
  await pty.write('sp130020\r')
  const errors = setInterval(() => void pty.write('e1a\r').catch(() => {}), 100)
  t.after(() => clearInterval(errors))
  const error = (await ended) as SensorError
  assert.equal(error.code, 'DEVICE_PROTOCOL')
  assert.match(error.message, /slcan0 has only errors/)
  assert.match(error.hint!, /ip link set slcan0 up type can bitrate \d+/)
})

test('frames that we send leave by the adapter; one that is unplugged is lost', async (t) => {
  const { heard, unplug } = await adapter(t)
  const { recorder, ended } = await openCan(t, { interface: NAME })
  recorder.sender!(0x7df, false, Uint8Array.of(2, 1, 12), 0)
  await eventually(() => heard.join('').includes('t7DF302010C\r'))
  await unplug()
  const error = await ended
  assert.equal((error as SensorError).code, 'DEVICE_LOST')
})
