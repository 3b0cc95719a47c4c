// The thread that reads one CAN socket. It waits for nothing but the kernel.
import { parentPort, workerData } from 'node:worker_threads'
import type { DropCause } from '../sensor.ts'
import { EAGAIN, EINTR } from './abi.ts'
import { Receiver } from './receiver.ts'
import { FrameRing } from './ring.ts'

export interface ReceiveWorkerData {
  readonly fd: number
  readonly ring: SharedArrayBuffer
  readonly coalesceMs: number
}

export type FromReceiveWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'frames' }
  | { readonly kind: 'dropped'; readonly cause: DropCause; readonly count: number }
  | { readonly kind: 'failed'; readonly errno: number }

/** A read that brought so few is followed by a rest, so that a steady bus does not wake us per frame. */
const FEW_FRAMES = 64
/** While the ring is full the kernel's buffer takes the frames; this is how often we look for our end. */
const FULL_WAIT_MS = 200

const { fd, ring: shared, coalesceMs } = workerData as ReceiveWorkerData
const port = parentPort!
const ring = new FrameRing(shared)
const receiver = new Receiver(fd)
let overflows = 0
let wasFull = false

const tell = (message: FromReceiveWorker): void => port.postMessage(message)

// A thread takes a while to start: who asks on the bus before that would wait in vain for an answer.
tell({ kind: 'ready' })

while (!ring.stopped) {
  if (ring.room() === 0) {
    wasFull = true
    ring.waitForRoom(FULL_WAIT_MS)
    continue
  }
  const got = receiver.receive(ring)
  if (got < 0) {
    if (got === -EAGAIN || got === -EINTR) continue
    tell({ kind: 'failed', errno: -got })
    break
  }
  if (ring.publish()) tell({ kind: 'frames' })
  if (receiver.overflows !== overflows) {
    const count = (receiver.overflows - overflows) >>> 0
    overflows = receiver.overflows
    // The kernel's buffer ran over; while the ring was full that was because nobody emptied it.
    tell({ kind: 'dropped', cause: wasFull ? 'queue_full' : 'kernel_overflow', count })
    wasFull = false
  }
  if (got < FEW_FRAMES && coalesceMs > 0) ring.rest(coalesceMs)
}
// The module's end is the thread's: what is still in the ring is the other side's.
