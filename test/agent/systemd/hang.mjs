// Loaded into every thread of an agent under test: once the file is there, the storing thread hangs for
// good, as one does whose disk never answers.
import { existsSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'

const file = process.env.MILEPOST_TEST_HANG
if (!isMainThread && file && workerData?.outbox) {
  setInterval(() => {
    if (existsSync(file)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }, 50).unref()
}
