// Puts frames on an interface at a given rate, hundreds by one call, as another machine would.
import { setPriority } from 'node:os'
import { workerData } from 'node:worker_threads'
import koffi from 'koffi'
import * as abi from '../../sensors/can/abi.ts'
import { readInterface } from '../../sensors/can/interface.ts'
import * as linux from '../../sensors/can/linux.ts'
import type { SenderData } from './sender.ts'

const { name, frames, perMs, done } = workerData as SenderData
const sendmmsg = koffi
  .load(null)
  .func('int sendmmsg(int fd, void *messages, unsigned int count, int flags)')

const fd: number = linux.socket(abi.AF_CAN, abi.SOCK_RAW, abi.CAN_RAW)
const address = new Uint8Array(24)
new DataView(address.buffer).setUint16(0, abi.AF_CAN, true)
new DataView(address.buffer).setInt32(4, readInterface(name).index, true)
if (linux.bind(fd, address, address.length) < 0) throw new Error(abi.errorName(linux.errno()))

const count = frames.length / 16
const vectors = new BigUint64Array(count * 2)
const messages = new BigUint64Array(count * 8)
const at = ({ buffer, byteOffset, byteLength }: ArrayBufferView): bigint =>
  linux.addressOf(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength))
const [framesAt, vectorsAt, messagesAt] = [at(frames), at(vectors), at(messages)]
for (let i = 0; i < count; i++) {
  vectors.set([framesAt + BigInt(i * 16), 16n], i * 2)
  messages.set([vectorsAt + BigInt(i * 16), 1n], i * 8 + 2)
}

// Of this thread alone: the burst shall be as fast as the machine can send, not as fast as the readers,
// who share its two processors, leave it.
setPriority(0, -20)
const start = performance.now()
let sent = 0
while (sent < count) {
  const due = perMs > 0 ? Math.floor((performance.now() - start + 1) * perMs) : count
  const upTo = Math.min(count, due, sent + 512)
  if (upTo <= sent) {
    Atomics.wait(done, 0, 0, 1)
    continue
  }
  const result: number = sendmmsg(fd, messagesAt + BigInt(sent * 64), upTo - sent, 0)
  if (result < 0 && koffi.errno() !== abi.ENOBUFS) {
    throw new Error(`sendmmsg: ${abi.errorName(koffi.errno())}`)
  }
  if (result > 0) sent += result
}
Atomics.store(done, 1, Math.round((performance.now() - start) * 1000))
Atomics.store(done, 0, 1)
Atomics.notify(done, 0)
linux.close(fd)
