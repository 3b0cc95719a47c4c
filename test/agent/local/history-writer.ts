// A process that writes history until it is killed: readings 0, 1, 2, … from the number that its arguments
// name, beside noise, as fast as they are taken. Tells how many of this life are in files.
// Arguments: data folder, first number.
import { WriteBudget } from '../../../agent/local/history/budget.ts'
import { Recorder } from '../../../agent/local/history/recorder.ts'
import { ReadingBatch } from '../../../sensors/reading.ts'

const [dataDir, first] = process.argv.slice(2)
const HOUR_US = 3_600_000_000
/** Entries of a block of the finest tier; two signals share it. */
const BLOCK = 8_192
const PER_BATCH = 512
const BATCHES_PER_TELL = 24

const recorder = new Recorder({
  dataDir,
  budget: new WriteBudget(1e15, () => 0),
  maxBytes: 1 << 30,
  spansUs: { full: 1000 * HOUR_US, '1s': 1000 * HOUR_US, '10s': 1000 * HOUR_US },
  signalAt: (index) => ({ name: ['n', 'noise'][index], unit: '' }),
  failed: (error) => {
    throw error
  },
})
recorder.reserve(2)
const slots = Int32Array.of(0, 1)
const batch = new ReadingBatch(2 * PER_BATCH)
for (let n = Number(first), taken = 0; ; ) {
  for (let i = 0; i < BATCHES_PER_TELL; i++) {
    batch.count = 0
    for (let k = 0; k < PER_BATCH; k++, n++) {
      const timeUs = 1_800_000_000e6 + n * 1_000
      batch.push(0, n, timeUs)
      batch.push(1, Math.random(), timeUs)
    }
    recorder.add(batch, slots)
    taken += 2 * PER_BATCH
    // Blocks are packed and written while more comes.
    await new Promise(setImmediate)
  }
  await recorder.idle()
  // A full block goes once there is more.
  process.stdout.write(`${Math.floor((taken - 1) / BLOCK) * (BLOCK / 2)}\n`)
}
