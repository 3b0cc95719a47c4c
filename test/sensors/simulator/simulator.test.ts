import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAULT_SIGNAL, SimulatorSensor, simulator } from '../../../sensors/simulator/simulator.ts'
import { HandClock, Recorder } from '../recorder.ts'

/** Longer than the sensor ever sleeps between two looks at the clock. */
const LONGER_THAN_A_LOOK_MS = 120

function sensorOf(config: Record<string, unknown> = {}): SimulatorSensor {
  return new SimulatorSensor(simulator.config.parse(config))
}

/** Moves the clock and waits until the vehicle has come as far. */
async function drive(sensor: SimulatorSensor, clock: HandClock, us: number, simUs = us) {
  const untilUs = sensor.vehicle.timeUs + simUs
  clock.advance(us)
  while (sensor.vehicle.timeUs < untilUs) await sleep(5)
}

describe('simulator sensor', () => {
  it('goes as far as the clock says, and stamps frames by it', async () => {
    const clock = new HandClock()
    const recorder = new Recorder(clock)
    const sensor = sensorOf()
    const stop = new AbortController()
    const startUs = clock.wall
    const running = sensor.run(recorder, stop.signal)
    await drive(sensor, clock, 1_000_000)
    await sleep(LONGER_THAN_A_LOOK_MS)
    assert.equal(sensor.vehicle.timeUs, 1_000_000)
    // 321 frames a second, less those whose cycle begins later in their first turn.
    assert.ok(recorder.seen.length >= 300 && recorder.seen.length <= 330, `${recorder.seen.length}`)
    const times = recorder.seen.map((frame) => frame.timeUs)
    for (let i = 1; i < times.length; i++) assert.ok(times[i] >= times[i - 1])
    assert.ok(times[0] > startUs && (times.at(-1) as number) < startUs + 1_010_000)
    assert.ok(recorder.seen.every((frame) => frame.bus === recorder.bus))
    stop.abort()
    await running
    assert.equal(recorder.opens, 1)
  })

  it('runs at the speed of the config', async () => {
    const clock = new HandClock()
    const recorder = new Recorder(clock)
    const sensor = sensorOf({ speed: 20 })
    const stop = new AbortController()
    const startUs = clock.wall
    const running = sensor.run(recorder, stop.signal)
    await drive(sensor, clock, 500_000, 10_000_000)
    stop.abort()
    await running
    const last = recorder.seen.at(-1)?.timeUs as number
    assert.ok(last > startUs + 490_000 && last <= startUs + 501_000, `${last - startUs}`)
  })

  it('stands still while the process was stopped, and drives on after it', async () => {
    const clock = new HandClock()
    const recorder = new Recorder(clock)
    const sensor = sensorOf()
    const stop = new AbortController()
    const running = sensor.run(recorder, stop.signal)
    await drive(sensor, clock, 1_000_000)
    const before = recorder.seen.length
    clock.advance(3600_000_000)
    await sleep(LONGER_THAN_A_LOOK_MS)
    assert.equal(recorder.seen.length, before)
    const resumedUs = clock.wall
    await drive(sensor, clock, 1_000_000)
    stop.abort()
    await running
    assert.ok(recorder.seen[before].timeUs >= resumedUs)
    assert.equal(sensor.vehicle.timeUs, 2_000_000)
  })

  it('drives on from where it stood when it is run again', async () => {
    const clock = new HandClock()
    const recorder = new Recorder(clock)
    const sensor = sensorOf()
    for (const seconds of [1, 2]) {
      const stop = new AbortController()
      const running = sensor.run(recorder, stop.signal)
      await drive(sensor, clock, 1_000_000)
      stop.abort()
      await running
      assert.equal(sensor.vehicle.timeUs, seconds * 1_000_000)
    }
    assert.equal(recorder.opens, 2)
  })

  it('tells the truth about its faults beside the bus', async () => {
    const clock = new HandClock()
    const recorder = new Recorder(clock)
    const sensor = sensorOf({ faults: [{ kind: 'coolant', atSec: 1.5 }] })
    const stop = new AbortController()
    const startUs = clock.wall
    const running = sensor.run(recorder, stop.signal)
    await drive(sensor, clock, 1_800_000)
    sensor.startFault('misfire')
    await drive(sensor, clock, 100_000)
    assert.deepEqual(sensor.activeFaults(), ['coolant', 'misfire'])
    sensor.stopFault('coolant')
    await drive(sensor, clock, 100_000)
    stop.abort()
    await running
    assert.ok(recorder.told.every((reading) => reading.name === FAULT_SIGNAL))
    assert.deepEqual(
      recorder.told.map((reading) => [reading.value, (reading.timeUs - startUs) / 1e6]),
      [
        [0, 0.01],
        [0, 1.01],
        [4, 1.5],
        [36, 1.81],
        [32, 1.91],
      ],
    )
  })

  it('refuses faults and profiles that it does not have', () => {
    for (const bad of [{ profile: 'moon' }, { faults: [{ kind: 'rust', atSec: 1 }] }, { speed: 0 }])
      assert.equal(simulator.config.safeParse(bad).success, false)
    assert.equal(simulator.config.safeParse({}).success, true)
  })
})
