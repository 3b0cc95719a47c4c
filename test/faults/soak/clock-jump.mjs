// Loaded into every thread of an agent under test: its wall clock is off by the seconds that a file says.
// The monotonic clock goes on as it is, as in a machine whose time was set.
import { readFileSync } from 'node:fs'

const file = process.env.MILEPOST_TEST_CLOCK
if (file) {
  const { now } = Date
  let offMs = 0
  setInterval(() => {
    try {
      offMs = Number(readFileSync(file, 'utf8')) * 1000 || 0
    } catch {}
  }, 200).unref()
  Date.now = () => now() + offMs
}
