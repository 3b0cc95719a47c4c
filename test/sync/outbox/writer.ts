// Run as a process of its own by the kill test: appends as fast as it can, and says what it will append,
// what is kept and up to where it lets go.
import { writeSync } from 'node:fs'
import { randomOf } from '../../../models/training/random.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { LANES } from '../../../sync/record.ts'
import { record, SMALL } from '../support.ts'

const [path, seed] = process.argv.slice(2)
const random = randomOf(Number(seed))
const outbox = Outbox.open({ path, vehicle: 'v1', bootId: `boot-${seed}`, limits: SMALL })
for (;;) {
  const count = 1 + Math.floor(random() * 40)
  const records = Array.from({ length: count }, () =>
    record(LANES[Math.floor(random() * 3)], `${seed} ${'x'.repeat(Math.floor(random() * 600))}`),
  )
  // Synchronous, so that it is said before, and that nothing is called kept that is not.
  writeSync(1, `tries ${outbox.seq + 1} ${records.map(({ lane }) => lane[0]).join('')}\n`)
  const { first, last } = outbox.append(records)
  writeSync(1, `kept ${first} ${last}\n`)
  if (random() < 0.1) {
    const [lane] = LANES.filter(() => random() < 0.3)
    const oldest = lane && outbox.read(lane, 0, 20, 1e6).at(-1)
    if (!oldest) continue
    const positions = { critical: 0, events: 0, telemetry: 0, [lane]: oldest.seq }
    writeSync(1, `release ${lane} ${oldest.seq}\n`)
    outbox.release(positions)
  }
}
