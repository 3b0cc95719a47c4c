import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** What the sending thread is told. */
export interface SenderData {
  readonly name: string
  /** Frames as the kernel has them, 16 bytes each. */
  readonly frames: Uint8Array
  /** Frames of each millisecond; 0: as fast as they go. */
  readonly perMs: number
  /** Set to 1, and notified, when all are out; then how long that took, in microseconds. */
  readonly done: Int32Array
}

/** Sends frames from a thread of their own; answers how long that took, in microseconds. */
export async function sendAll(
  name: string,
  frames: Uint8Array,
  options: { perMs?: number; blocking?: boolean } = {},
): Promise<number> {
  const done = new Int32Array(new SharedArrayBuffer(8))
  const workerData: SenderData = { name, frames, perMs: options.perMs ?? 0, done }
  const worker = new Worker(
    new URL(`./sender-worker${extname(import.meta.url)}`, import.meta.url),
    { workerData },
  )
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  await Promise.race([failed, new Promise((resolve) => worker.once('online', resolve))])
  if (options.blocking) Atomics.wait(done, 0, 0, 60_000)
  else await Promise.race([failed, finished(done)])
  await worker.terminate()
  return done[1]
}

async function finished(done: Int32Array): Promise<void> {
  while (Atomics.load(done, 0) === 0) await sleep(10)
}

/** One identifier, a number in its data that counts up. */
export function sendFrames(
  name: string,
  count: number,
  id: number,
  options: { perMs?: number; blocking?: boolean } = {},
): Promise<number> {
  const frames = new Uint8Array(count * 16)
  const view = new DataView(frames.buffer)
  for (let i = 0; i < count; i++) {
    view.setUint32(i * 16, id, true)
    frames[i * 16 + 4] = 8
    view.setUint32(i * 16 + 8, i, true)
  }
  return sendAll(name, frames, options)
}
