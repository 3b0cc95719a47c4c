// Simulated vehicles in a process of their own: takes a `FleetLoad`, says "open" once all are
// connected, begins when it is told to, and tells how far it is twice a second.
import { setTimeout as sleep } from 'node:timers/promises'
import { complain } from '../cli/output.ts'
import type { ClientsStatus, FleetLoad } from './load.ts'
import { Vehicles } from './vehicles.ts'

const TICK_MS = 25
const TELL_MS = 500
const LOOK_MS = 1_000
/** Connections that are opened side by side: more would only wait in the broker's backlog. */
const OPEN_AT_ONCE = 50
/** What one tick may catch up on after a pause of the machine. */
const MAX_DUE_SEC = 0.5

const load = JSON.parse(process.argv[2]) as FleetLoad
const vehicles = new Vehicles(load, (error) => {
  complain(error)
  process.exit(1)
})
process.on('disconnect', () => process.exit(1))
const told = (message: object) => new Promise((resolve) => process.send!(message, resolve))

for (let n = 0; n < load.connections; n += OPEN_AT_ONCE) {
  await vehicles.open(n, Math.min(n + OPEN_AT_ONCE, load.connections))
}
await told({ kind: 'open' })
await new Promise((resolve) => process.once('message', resolve))

const total = load.vehicles * load.records
const status = (): ClientsStatus => {
  const { user, system } = process.cpuUsage()
  const done = vehicles.totals.confirmed >= total
  return { ...vehicles.totals, ...vehicles.latencies(), cpuSec: (user + system) / 1e6, done }
}
let lookedMs = performance.now()
let toldMs = lookedMs
let due = 0
for (let lastMs = lookedMs; vehicles.totals.confirmed < total; await sleep(TICK_MS)) {
  const nowMs = performance.now()
  due += (load.recordsPerSec * (nowMs - lastMs)) / 1000
  lastMs = nowMs
  due = Math.min(due, load.recordsPerSec * MAX_DUE_SEC)
  for (; due >= 1 && vehicles.totals.produced < total; due--) vehicles.produce()
  vehicles.flush()
  if (nowMs - lookedMs > LOOK_MS) {
    lookedMs = nowMs
    vehicles.look(nowMs)
  }
  if (nowMs - toldMs > TELL_MS) {
    toldMs = nowMs
    process.send!(status())
  }
}
await told(status())
process.exit(0)
