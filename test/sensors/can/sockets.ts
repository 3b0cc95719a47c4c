// A pair of datagram sockets, which every kernel has, in the place of a CAN socket and its bus.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import koffi from 'koffi'
import * as abi from '../../../sensors/can/abi.ts'
import * as linux from '../../../sensors/can/linux.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2

/** The end to read from, which gives up after a moment as a sensor's does, and the end to write to. */
export function pair(t: TestContext): [receive: number, send: number] {
  const fds = new Int32Array(2)
  const socketpair = koffi
    .load(null)
    .func('int socketpair(int domain, int type, int protocol, void *fds)')
  assert.equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0)
  t.after(() => fds.forEach((fd) => void linux.close(fd)))
  const wait = new Uint8Array(2 * abi.WORD)
  wait[abi.WORD] = 100
  linux.setsockopt(fds[0], abi.SOL_SOCKET, abi.SO_RCVTIMEO, wait, wait.length)
  return [fds[0], fds[1]]
}

/** Writes one frame as the kernel has it. */
export function put(
  fd: number,
  size: number,
  canId: number,
  length: number,
  flags = 0,
  fill = 0,
): void {
  const frame = new Uint8Array(size)
  new DataView(frame.buffer).setUint32(0, canId, true)
  frame[4] = length
  frame[5] = flags
  frame.fill(fill, 8, 8 + length)
  assert.equal(linux.send(fd, frame, size, 0), size)
}
