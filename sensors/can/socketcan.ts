import type { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { SensorError } from '../errors.ts'
import { FRAME_ERR, FrameBatch } from '../frame.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { BusErrors } from './error-frames.ts'
import { failure } from './failure.ts'
import { idFilter } from './id-filter.ts'
import { busOff, onlyErrors } from './interface.ts'
import type { FromReceiveWorker } from './receive-worker.ts'
import { FrameRing } from './ring.ts'
import type { CanSocket } from './socket.ts'
import { startReceiver } from './start-receiver.ts'

const config = z.strictObject({
  /** The kernel's name of it: `can0`. */
  interface: z.string().regex(/^[^\s/]{1,15}$/, 'expected the name of an interface, such as can0'),
  /** CAN FD: `auto` where the interface is set up for it. */
  fd: z.union([z.literal('auto'), z.boolean()]).default('auto'),
  /**
   * Which frames the kernel lets in: `auto` those that the bus's DBC files describe and diagnostics ask
   * for, `none` filters nothing, a list only these.
   */
  filters: z.union([z.enum(['auto', 'none']), z.array(idFilter).min(1).max(512)]).default('auto'),
  /** Error frames: bus-off, error passive, lost arbitration. */
  errorFrames: z.boolean().default(true),
  /** The kernel's buffer: it holds what comes in while the whole process stands still. */
  receiveBufferBytes: z
    .number()
    .int()
    .min(4096)
    .max(1 << 28)
    .default(8 << 20),
  /** Frames between the reading thread and the agent; what does not fit waits in the kernel's buffer. */
  queueFrames: z
    .number()
    .int()
    .min(16)
    .max(1 << 20)
    .default(16_384),
  /** How long the reading thread gathers frames when few come; 0 hands each over at once. */
  coalesceMs: z.number().int().min(0).max(100).default(1),
})

export type SocketCanConfig = z.infer<typeof config>

export const socketcan: SensorKind<SocketCanConfig> = {
  kind: 'socketcan',
  config,
  rhythmic: true,
  create: (config) => new SocketCanSensor(config),
}

/** How often the interface's counters are read. */
const COUNTERS_EVERY_MS = 1000
/** Looks in a row at a bus in error with error frames and no other, before it is given up. */
const MAX_ERRORS_ONLY = 3
/** Batches taken before other work of the process gets its turn. */
const BATCHES_PER_TURN = 8

/** One interface of the kernel, read by a thread of its own. */
class SocketCanSensor implements Sensor {
  readonly #config: SocketCanConfig
  /** Kept over reopening: a bus that goes off every hour is to be seen. */
  readonly #errors = new BusErrors()
  readonly #batch = new FrameBatch()
  /** Frames that are no error frames. */
  #dataFrames = 0

  constructor(config: SocketCanConfig) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    // Only Linux has what this needs: nothing of it is loaded before it is asked for.
    const { CanSocket } = await import('./socket.ts')
    const socket = new CanSocket(this.#config)
    const ring = FrameRing.create(this.#config.queueFrames)
    this.#batch.bus.fill(context.bus)
    const undo: (() => void)[] = []
    let exited: Promise<unknown> = Promise.resolve()
    try {
      const filters = this.#filter(socket, context, undo)
      const { coalesceMs } = this.#config
      const worker = startReceiver({ fd: socket.fd, ring: ring.buffer, coalesceMs })
      exited = new Promise((resolve) => worker.once('exit', resolve))
      const tell = (): void => {
        context.device({ ...this.#errors.facts(), ...socket.facts(), filters: filters() })
      }
      undo.push(tell)
      const open = (): void => {
        undo.push(context.offerSending(socket.send.bind(socket)))
        context.opened()
        tell()
        // The worker wakes us only if we are known to sleep.
        this.#drain(ring, context)
      }
      await Promise.race([
        aborted(signal, undo),
        this.#watch(tell, undo),
        this.#listen(worker, ring, context, open),
      ])
    } finally {
      for (const step of undo) step()
      ring.stop()
      await exited
      while (ring.waiting() > 0) this.#deliver(ring, context)
      socket.close()
    }
  }

  /** Sets the kernel's filters, now and whenever something else is wanted; answers who filters. */
  #filter(socket: CanSocket, context: SensorContext, undo: (() => void)[]): () => string {
    const { filters } = this.#config
    let filtered = false
    const set = (): void => {
      const ids = filters === 'auto' ? context.wanted.current() : filters
      filtered = socket.filter(ids === 'none' ? undefined : ids)
    }
    set()
    undo.push(context.wanted.onChange(set))
    return () => (filtered ? 'kernel' : 'none')
  }

  /** Takes what the reading thread tells; rejects when it can read no more. */
  #listen(worker: Worker, ring: FrameRing, context: SensorContext, open: () => void) {
    const name = this.#config.interface
    return new Promise<void>((_, reject) => {
      worker.on('error', (cause: Error) => {
        const message = `The reader of ${name} failed: ${cause.message}`
        reject(new SensorError('DEVICE_LOST', message, { cause }))
      })
      worker.on('message', (message: FromReceiveWorker) => {
        switch (message.kind) {
          case 'ready':
            return open()
          case 'frames':
            return this.#drain(ring, context)
          case 'dropped':
            return context.dropped(message.cause, message.count)
          case 'failed':
            // How many were lost meanwhile nobody can tell; at least this one gap.
            context.dropped('interface_down', 1)
            reject(failure(name, 'recvmmsg', message.errno))
        }
      })
    })
  }

  /** Tells now and then how the device is; rejects once it stays bus-off, or has nothing but errors. */
  #watch(tell: () => void, undo: (() => void)[]): Promise<void> {
    return new Promise((_, reject) => {
      let wasOff = false
      let errorsOnly = 0
      let before = { errors: this.#errors.errorFrames, frames: this.#dataFrames }
      const timer = setInterval(() => {
        tell()
        // With `restart-ms` the driver brings it back by itself: not after a second, it does not.
        const off = this.#errors.state === 'bus-off'
        if (off && wasOff) reject(busOff(this.#config.interface))
        wasOff = off
        const now = { errors: this.#errors.errorFrames, frames: this.#dataFrames }
        const none = now.errors > before.errors && now.frames === before.frames
        errorsOnly = none && this.#errors.state === 'error-passive' ? errorsOnly + 1 : 0
        before = now
        if (errorsOnly === MAX_ERRORS_ONLY) reject(onlyErrors(this.#config.interface))
      }, COUNTERS_EVERY_MS)
      undo.push(() => clearInterval(timer))
    })
  }

  #drain(ring: FrameRing, context: SensorContext): void {
    for (let i = 0; i < BATCHES_PER_TURN; i++) {
      if (ring.waiting() === 0 && ring.sleep()) return
      this.#deliver(ring, context)
    }
    if (!ring.stopped) setImmediate(() => this.#drain(ring, context))
  }

  #deliver(ring: FrameRing, context: SensorContext): void {
    const batch = this.#batch
    ring.take(batch)
    this.#dataFrames += batch.count
    if (this.#config.errorFrames) {
      for (let i = 0; i < batch.count; i++) {
        if (!(batch.flags[i] & FRAME_ERR)) continue
        this.#errors.take(batch, i)
        this.#dataFrames--
      }
    }
    if (batch.count > 0) context.frames(batch)
  }
}

function aborted(signal: AbortSignal, undo: (() => void)[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => resolve()
    signal.addEventListener('abort', done, { once: true })
    undo.push(() => signal.removeEventListener('abort', done))
    if (signal.aborted) resolve()
  })
}
