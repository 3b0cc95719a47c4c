import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerConfig } from './messages.ts'
import { Pump } from './pump.ts'
import { complaintOf, NO_LANES, type SyncStatus } from './status.ts'
import { Store } from './store.ts'
import type { ThreadWord } from './thread-life.ts'
import { deliveryOf, makeUplink } from './uplinks.ts'
import { threadWrittenBytes } from './written.ts'

/** How often status is told, space given back, and the file looked after. */
const TICK_MS = 1_000

const config = workerData as WorkerConfig
const port = parentPort!
const post = (message: FromWorker | ThreadWord<SyncStatus>) => port.postMessage(message)

/** Flushes that wait for their batch, in the order of their asking, which is that of the batches. */
const flushes: number[] = []
let committedId = 0
let lanes = NO_LANES
let file = { epoch: '', seq: 0, fileBytes: 0, walBytes: 0, deadRecords: 0, salvaging: false }
let seqAtStart: number | undefined
let writtenAtStart = 0

const store = new Store(config.outbox, {
  committed: (batchId, buffers) => {
    committedId = batchId
    const message: FromWorker = { kind: 'committed', batchId, buffers }
    port.postMessage(
      message,
      buffers.flatMap(({ columns, payloads }) => [columns.buffer, payloads.buffer]),
    )
    answerFlushes()
    pump?.notify()
  },
  changed: () => {
    tellStatus()
    pump?.notify()
  },
})

const { uplink } = config
const pump =
  uplink.kind === 'none'
    ? undefined
    : new Pump({
        kind: uplink.kind,
        makeUplink: () => makeUplink(uplink),
        source: () => store.outbox,
        onFault: (error) => store.fault(error),
        onState: () => tellStatus(),
        limits: config.pump,
        throttle: uplink.limits,
      })
const startedUs = Date.now() * 1000

function status(): SyncStatus {
  try {
    const stat = store.outbox?.stat()
    if (stat) {
      lanes = stat.lanes
      file = stat
      if (seqAtStart === undefined) {
        // A new file's pages and reserve are no record's: what records cost is counted from here.
        seqAtStart = stat.seq
        writtenAtStart = threadWrittenBytes()
      }
    }
  } catch (error) {
    store.fault(error)
  }
  const { p50, p99 } = store.latencies.quantiles()
  const writtenBytes = threadWrittenBytes()
  const records = Math.max(0, file.seq - (seqAtStart ?? 0))
  return {
    timeUs: Date.now() * 1000,
    lanes,
    outbox: {
      path: config.outbox.path,
      epoch: file.epoch,
      state: store.state,
      sinceUs: store.sinceUs,
      fileBytes: file.fileBytes,
      walBytes: file.walBytes,
      queuedRecords: 0,
      queuedBytes: 0,
      commitP50Ms: p50,
      commitP99Ms: p99,
      deadRecords: file.deadRecords,
      salvaging: file.salvaging,
      writtenBytes,
      ...(config.outbox.key && { encrypted: true }),
      writtenBytesPerRecord:
        records > 0 ? Math.round((writtenBytes - writtenAtStart) / records) : 0,
      ...(store.lastError && { lastError: store.lastError }),
      ...(store.troubles && { troubles: store.troubles }),
      ...(store.quarantinedFile && { quarantinedFile: store.quarantinedFile }),
    },
    uplink: (pump && { ...pump.status(), delivery: deliveryOf(uplink) }) ?? {
      kind: 'none',
      state: 'off',
      sinceUs: startedUs,
      sentRecords: 0,
      sentBytes: 0,
      lastAckTimeUs: 0,
      nextRetryTimeUs: 0,
    },
  }
}

/** A batch may be committed before its flush is asked for: who flushes is answered all the same. */
function answerFlushes(): void {
  while (flushes.length > 0 && flushes[0] <= committedId) {
    post({ kind: 'status', status: status() })
    post({ kind: 'flushed', batchId: flushes.shift()! })
  }
}

let telling = false
/** Soon, once, and never from inside a change that is still going on. */
function tellStatus(): void {
  if (telling) return
  telling = true
  setImmediate(() => {
    telling = false
    post({ kind: 'status', status: status() })
  })
}

async function close(handoverMs: number): Promise<void> {
  clearInterval(tick)
  store.commitAll()
  await pump?.close(handoverMs)
  store.commitAll()
  const last = status()
  store.close()
  post({ kind: 'closed', status: { ...last, outbox: { ...last.outbox, state: 'closed' } } })
  port.close()
}

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'batch':
      store.add(message.batch)
      break
    case 'flush':
      flushes.push(message.batchId)
      answerFlushes()
      break
    case 'pause':
      pump?.pause()
      break
    case 'resume':
      pump?.resume()
      break
    case 'repair':
      repair(message)
      break
    case 'close':
      void close(message.handoverMs)
  }
})

function repair({ id, bootId, offsetUs }: Extract<ToWorker, { kind: 'repair' }>): void {
  try {
    post({ kind: 'repaired', id, records: store.outbox?.repairTimes(bootId, offsetUs) ?? 0 })
  } catch (error) {
    store.fault(error)
    post({ kind: 'repair-failed', id, error: complaintOf(error) })
  }
}

const tick = setInterval(() => {
  store.tend()
  tellStatus()
}, TICK_MS)

try {
  store.open()
  post({ kind: 'started', status: status() })
  pump?.start()
} catch (error) {
  post({ kind: 'refused', error: complaintOf(error) })
  clearInterval(tick)
  port.close()
}
