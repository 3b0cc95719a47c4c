import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as abi from '../../../sensors/can/abi.ts'
import { failure } from '../../../sensors/can/failure.ts'

test('each way in which a call can fail has a code, the device, and a way out', () => {
  const cases: [errno: number, code: string, hint: RegExp][] = [
    [abi.ENETDOWN, 'DEVICE_LOST', /ip link set can3 up type can bitrate 500000/],
    [abi.ENODEV, 'DEVICE_LOST', /dmesg/],
    [abi.ENXIO, 'DEVICE_LOST', /dmesg/],
    [abi.EPERM, 'DEVICE_DENIED', /RestrictAddressFamilies=AF_CAN.*NET_RAW/],
    [abi.EACCES, 'DEVICE_DENIED', /NET_RAW/],
    [abi.EAFNOSUPPORT, 'DEVICE_PROTOCOL', /modprobe can_raw/],
    [abi.ENOBUFS, 'DEVICE_BUSY', /ip link set can3 txqueuelen/],
    [abi.EAGAIN, 'DEVICE_BUSY', /txqueuelen/],
  ]
  for (const [errno, code, hint] of cases) {
    const error = failure('can3', 'send', errno)
    assert.equal(error.code, code)
    assert.match(error.hint!, hint)
    assert.equal((error.cause as Error).message, `send: ${abi.errorName(errno)}`)
  }
  assert.match(failure('can3', 'recvmmsg', 9).message, /can3: recvmmsg: EBADF/)
})
