import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { CpuMeter } from '../../../agent/fleet/cpu.ts'
import { limitOf } from '../../../agent/fleet/limit.ts'
import { until } from '../../support/until.ts'

const CORES = availableParallelism()

/** A run of ten seconds with 1,000 records: what each thread did, and who had the processors. */
function run(threads: readonly [string, number, number][], idleSec: number, othersSec = 0) {
  const allSec = 10 * CORES
  const oursSec = allSec - idleSec - othersSec
  return {
    ...{ records: 1_000, confirmedSec: 10, forwardedSec: 10 },
    cpuSec: { relay: oursSec * 0.75, kafka: oursSec * 0.25 },
    threads: threads.map(([thread, ranSec, waitedSec]) => ({ thread, ranSec, waitedSec })),
    machine: { allSec, idleSec, diskSec: 0 },
  }
}

test('a rate that was reached is no limit of the machine', () => {
  assert.match(limitOf(run([['relay', 9.9, 0]], 1), 100).named, /asked for, which was reached/)
})

test('the thread that runs all the time is the limit', () => {
  const { named, threads } = limitOf(run([['mosquitto', 9.5, 0.2]], 5), 1_000)
  assert.match(named, /^the one thread of mosquitto, which ran 95 % of the time/)
  assert.deepEqual(threads, [{ thread: 'mosquitto', ran: 0.95, waited: 0.02 }])
})

test('a thread that waits for a processor makes the processors the limit, and says who has them', () => {
  const limit = limitOf(run([['relay', 3, 6.8]], 0, 8), 1_000)
  assert.match(limit.named, /^the processors: relay wanted one 98 % of the time and had it 30 %/)
  assert.match(limit.named, new RegExp(`other programs ${Math.round((8 / (10 * CORES)) * 100)} %`))
  assert.match(
    limitOf(run([['relay', 5, 1]], 0.5), 1_000).named,
    /^the processors, of which these parts had \d+ %, most of it relay/,
  )
})

test('where nobody is busy they wait for each other', () => {
  const { named, idle, others } = limitOf(run([['relay', 4, 0.1]], 12 * (CORES / 2)), 1_000)
  assert.match(named, /^no processor: these parts used .* of their threads relay most, 40 %/)
  assert.equal(idle, 0.6)
  assert.ok(Math.abs(others) < 1e-9)
})

test('threads of a process are seen as they run, and what was before does not count', async (t) => {
  const script = 'process.stdin.once("data", () => { for (;;) {} })'
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'ignore', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const cpu = new CpuMeter()
  cpu.follow('busy', child.pid!, true)
  cpu.begin()
  child.stdin.write('go')
  const busy = await until('the thread to have run', () => {
    cpu.look()
    const found = cpu.threads().find(({ thread }) => thread === 'busy')
    return found && found.ranSec > 0.3 && found
  })
  assert.ok(busy.waitedSec >= 0)
  const { allSec, idleSec } = cpu.machine()
  assert.ok(allSec > 0 && idleSec >= 0 && idleSec <= allSec)
  cpu.begin()
  assert.equal(cpu.threads().find(({ thread }) => thread === 'busy')?.ranSec, 0)
})
