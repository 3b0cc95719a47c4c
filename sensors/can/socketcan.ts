import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { SensorError } from '../errors.ts'
import { FRAME_ERR, FrameBatch } from '../frame.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { BusErrors } from './error-frames.ts'
import { idFilter } from './id-filter.ts'
import type { FromReceiveWorker, ReceiveWorkerData } from './receive-worker.ts'
import { FrameRing } from './ring.ts'

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
  create: (config) => new SocketCanSensor(config),
}

/** How often the interface's counters are read. */
const COUNTERS_EVERY_MS = 1000
/** Batches taken before other work of the process gets its turn. */
const BATCHES_PER_TURN = 8

/** One interface of the kernel, read by a thread of its own. */
export class SocketCanSensor implements Sensor {
  readonly #config: SocketCanConfig
  /** Kept over reopening: a bus that goes off every hour is to be seen. */
  readonly #errors = new BusErrors()
  readonly #batch = new FrameBatch()

  constructor(config: SocketCanConfig) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    // Only Linux has what this needs: nothing of it is loaded before it is asked for.
    const { CanSocket, failure } = await import('./socket.ts')
    const { busOff, readCounters } = await import('./interface.ts')
    const { interface: name, filters, queueFrames, coalesceMs } = this.#config
    const socket = new CanSocket(this.#config)
    const ring = FrameRing.create(queueFrames)
    this.#batch.bus.fill(context.bus)
    let filtered = false
    const setFilters = (): void => {
      const ids = filters === 'auto' ? context.wanted.current() : filters
      filtered = socket.filter(ids === 'none' ? undefined : ids)
    }
    const tellDevice = (): void => {
      context.device({
        ...this.#errors.facts(),
        ...readCounters(name),
        canFd: socket.canFd ? 'on' : 'off',
        filters: filtered ? 'kernel' : 'none',
        receiveBufferBytes: socket.receiveBufferBytes,
      })
    }
    const undo: (() => void)[] = []
    let worker: Worker | undefined
    let exited: Promise<unknown> = Promise.resolve()
    try {
      setFilters()
      undo.push(context.wanted.onChange(setFilters))
      worker = startReceiver({ fd: socket.fd, ring: ring.buffer, coalesceMs })
      exited = new Promise((resolve) => worker!.once('exit', resolve))
      await new Promise<void>((resolve, reject) => {
        const aborted = (): void => resolve()
        signal.addEventListener('abort', aborted, { once: true })
        undo.push(() => signal.removeEventListener('abort', aborted))
        worker!.on('error', (cause: Error) =>
          reject(
            new SensorError('DEVICE_LOST', `The reader of ${name} failed: ${cause.message}`, {
              cause,
            }),
          ),
        )
        worker!.on('message', (message: FromReceiveWorker) => {
          if (message.kind === 'frames') this.#drain(ring, context)
          else if (message.kind === 'dropped') context.dropped(message.cause, message.count)
          else {
            // How many were lost meanwhile nobody can tell; at least this one gap.
            context.dropped('interface_down', 1)
            reject(failure(name, 'recvmmsg', message.errno))
          }
        })
        let wasOff = false
        const timer = setInterval(() => {
          tellDevice()
          // With `restart-ms` the driver brings it back by itself: not after a second, it does not.
          const off = this.#errors.state === 'bus-off'
          if (off && wasOff) reject(busOff(name))
          wasOff = off
        }, COUNTERS_EVERY_MS)
        undo.push(() => clearInterval(timer))
        undo.push(context.offerSending((id, ext, data, flags) => socket.send(id, ext, data, flags)))
        context.opened()
        tellDevice()
        // The worker wakes us only if we are known to sleep.
        this.#drain(ring, context)
      })
    } finally {
      for (const step of undo) step()
      ring.stop()
      await exited
      while (ring.waiting() > 0) this.#deliver(ring, context)
      tellDevice()
      socket.close()
    }
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
    if (this.#config.errorFrames) {
      for (let i = 0; i < batch.count; i++) {
        if (batch.flags[i] & FRAME_ERR) this.#errors.take(batch, i)
      }
    }
    if (batch.count > 0) context.frames(batch)
  }
}

/** Built code runs as it is; in development the thread needs tsx as the process does. */
function startReceiver(workerData: ReceiveWorkerData): Worker {
  const extension = extname(import.meta.url)
  return new Worker(new URL(`./receive-worker${extension}`, import.meta.url), {
    workerData,
    ...(extension === '.ts' ? { execArgv: ['--import', 'tsx'] } : {}),
  })
}
