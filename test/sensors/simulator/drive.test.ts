import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { FRAME_STRIDE } from '../../../sensors/frame.ts'
import { type DriveOptions, simulateDrive } from '../../../sensors/simulator/drive.ts'
import { PROFILES } from '../../../sensors/simulator/driver.ts'
import { FAULT_KINDS, faultsIn } from '../../../sensors/simulator/faults.ts'
import { PROBES } from '../../../sensors/simulator/signals.ts'
import { vehicleDatabase } from '../../../sensors/simulator/vehicle-dbc.ts'
import { between, mean, type Trace, trace, traces } from './traces.ts'

/** Fingerprint of every frame of a drive. */
function bytesOf(options: DriveOptions): string {
  const hash = createHash('sha256')
  for (const batch of simulateDrive(options)) {
    for (let i = 0; i < batch.count; i++) {
      const at = i * FRAME_STRIDE
      hash.update(`${batch.timeUs[i]} ${batch.bus[i]} ${batch.id[i]} ${batch.flags[i]} `)
      hash.update(batch.data.subarray(at, at + batch.length[i]))
    }
  }
  return hash.digest('hex')
}

describe('simulated drive', () => {
  it('is the same for the same seed, however large the batches, and another for another', () => {
    const drive: DriveOptions = { seed: 11, seconds: 60, faults: [{ kind: 'misfire', atSec: 20 }] }
    const bytes = bytesOf(drive)
    assert.equal(bytesOf({ ...drive, batchFrames: 77 }), bytes)
    assert.notEqual(bytesOf({ ...drive, seed: 12 }), bytes)
    assert.notEqual(bytesOf({ ...drive, faults: [] }), bytes)
  })

  it('sends each message in the rhythm that the DBC file states', () => {
    const counts = new Map<number, number>()
    const seconds = 30
    for (const batch of simulateDrive({ seed: 1, seconds })) {
      for (let i = 0; i < batch.count; i++)
        counts.set(batch.id[i], (counts.get(batch.id[i]) ?? 0) + 1)
    }
    for (const message of vehicleDatabase().messages) {
      const due = (seconds * 1000) / (message.cycleTimeMs as number)
      assert.ok(Math.abs((counts.get(message.id) as number) - due) <= 1, message.name)
    }
  })

  it('has a probe for each signal, and no other', () => {
    const signals = vehicleDatabase().messages.flatMap((message) =>
      message.signals.map((signal) => `${message.name}.${signal.name}`),
    )
    assert.deepEqual(Object.keys(PROBES).sort(), signals.sort())
  })

  it('stays what it is when messages come more rarely', () => {
    const often = trace(traces({ seed: 4, seconds: 120 }), 'Body.Odometer')
    const rarely = trace(traces({ seed: 4, seconds: 120, rateScale: 0.1 }), 'Body.Odometer')
    const at = rarely.sec.at(-1) as number
    const same = between(often, at - 0.5, at + 0.51)
    assert.ok(same.some((km) => Math.abs(km - (rarely.values.at(-1) as number)) < 0.02))
  })
})

describe('physics of the simulated vehicle', () => {
  for (const profile of PROFILES) {
    const all = traces({ seed: 21, seconds: 900, profile })
    const of = (name: string): Trace => trace(all, name)

    it(`keeps every value where a car has it (${profile})`, () => {
      const ranges: Record<string, [number, number]> = {
        'Engine.Rpm': [600, 6300],
        'Engine.Throttle': [0, 100],
        'Engine.Gear': [0, 6],
        'EngineTemp.Coolant': [0, 103],
        'EngineTemp.Oil': [0, 125],
        'EngineAir.MassFlow': [1, 110],
        'Chassis.Speed': [0, 160],
        'Battery.Voltage': [12.3, 14.6],
        'Battery.StateOfCharge': [60, 100],
        'Vibration.Total': [0.01, 1],
        'Vibration.Bearing': [0, 0.02],
        'Acceleration.Longitudinal': [-6, 3],
        'Body.Firmware': [2041, 2041],
      }
      for (const wheel of ['FrontLeft', 'FrontRight', 'RearLeft', 'RearRight']) {
        ranges[`Tyre.Pressure${wheel}`] = [190, 290]
        ranges[`Tyre.Temp${wheel}`] = [0, 70]
      }
      for (const [name, [low, high]] of Object.entries(ranges)) {
        const { values } = of(name)
        const least = values.reduce((a, b) => Math.min(a, b))
        const most = values.reduce((a, b) => Math.max(a, b))
        assert.ok(least >= low && most <= high, `${name}: ${least} to ${most}`)
      }
    })

    it(`never jumps in speed, and adds it up to the distance (${profile})`, () => {
      const { values, sec } = of('Chassis.Speed')
      let km = 0
      for (let i = 1; i < values.length; i++) {
        const perSec = Math.abs(values[i] - values[i - 1]) / 3.6 / (sec[i] - sec[i - 1])
        assert.ok(perSec < 7, `${perSec} m/s² at ${sec[i]} s`)
        km += (values[i] / 3600) * (sec[i] - sec[i - 1])
      }
      const odometer = of('Body.Odometer').values
      const driven = (odometer.at(-1) as number) - odometer[0]
      assert.ok(Math.abs(km - driven) < 0.05 + 0.01 * km, `${km} against ${driven}`)
      for (let i = 1; i < odometer.length; i++) assert.ok(odometer[i] >= odometer[i - 1])
    })

    it(`burns fuel (${profile})`, () => {
      const fuel = of('Body.FuelLevel').values
      assert.ok(fuel[0] > (fuel.at(-1) as number))
    })
  }

  it('warms up to the thermostat and stays there', () => {
    const coolant = trace(
      traces({ seed: 21, seconds: 1500, profile: 'highway' }),
      'EngineTemp.Coolant',
    )
    assert.ok(coolant.values[0] < 80)
    for (const value of between(coolant, 900, 1500)) assert.ok(value > 84 && value < 98, `${value}`)
  })

  it('warms tyres by driving, and warm tyres have more pressure', () => {
    const all = traces({ seed: 3, seconds: 900, profile: 'highway' })
    const temp = trace(all, 'Tyre.TempRearLeft').values
    const pressure = trace(all, 'Tyre.PressureRearLeft').values
    assert.ok((temp.at(-1) as number) > temp[0] + 5)
    assert.ok((pressure.at(-1) as number) > pressure[0] + 5)
  })
})

describe('faults of the simulated vehicle', () => {
  const atSec = 300
  const drive = { seed: 5, seconds: 600 }
  const well = traces(drive)
  const broken = (kind: (typeof FAULT_KINDS)[number], rate = 1) =>
    traces({ ...drive, faults: [{ kind, atSec, rate }] })
  /** How much the mean of the last two minutes differs from the same drive without the fault. */
  const shift = (all: ReadonlyMap<string, Trace>, name: string): number =>
    mean(between(trace(all, name), 480, 600)) - mean(between(trace(well, name), 480, 600))
  const tyres = ['FrontLeft', 'FrontRight', 'RearLeft', 'RearRight'].map((w) => `Tyre.Pressure${w}`)

  it('changes nothing before it begins', () => {
    for (const kind of FAULT_KINDS) {
      const all = broken(kind)
      for (const [name, found] of well) {
        assert.deepEqual(
          between(trace(all, name), 0, atSec),
          between(found, 0, atSec),
          `${kind} ${name}`,
        )
      }
    }
  })

  it('puncture: one tyre loses about 2 psi a minute, the others nothing', () => {
    const all = broken('puncture')
    const lost = tyres.map((name) => shift(all, name)).sort((a, b) => a - b)
    assert.ok(lost[0] < -40 && lost[0] > -75, `${lost}`)
    for (const other of lost.slice(1)) assert.ok(Math.abs(other) < 0.5, `${lost}`)
  })

  it('slow-puncture: 1 psi an hour', () => {
    const hour = { seed: 5, seconds: 3600, rateScale: 0.1, profile: 'depot' as const }
    const all = traces({ ...hour, faults: [{ kind: 'slow-puncture', atSec: 0 }] })
    const same = traces(hour)
    const lost = tyres
      .map(
        (name) =>
          mean(between(trace(same, name), 3500, 3600)) -
          mean(between(trace(all, name), 3500, 3600)),
      )
      .sort((a, b) => b - a)
    assert.ok(lost[0] > 6 && lost[0] < 8.5, `${lost} kPa`)
    assert.ok(Math.abs(lost[1]) < 0.3)
  })

  it('coolant: the engine overheats', () => {
    const all = broken('coolant')
    assert.ok(shift(all, 'EngineTemp.Coolant') > 15)
    assert.ok(shift(all, 'EngineTemp.Oil') > 5)
    assert.ok(trace(all, 'EngineTemp.Fan').values.includes(1))
  })

  it('bearing: its vibration grows, and the wheel is heard', () => {
    const all = broken('bearing')
    const grown = between(trace(all, 'Vibration.Bearing'), atSec + 10, 600)
    assert.ok(mean(grown.slice(-100)) > 5 * mean(grown.slice(0, 100)))
    assert.ok(shift(all, 'Vibration.Total') > 0.5)
    assert.ok(shift(all, 'Vibration.Crest') > 1)
    assert.ok(Math.abs(shift(all, 'EngineTemp.Coolant')) < 0.5)
  })

  it('battery: voltage sags, current goes out, charge falls', () => {
    const all = broken('battery')
    assert.ok(shift(all, 'Battery.Voltage') < -1.2)
    assert.ok(mean(between(trace(all, 'Battery.Current'), 480, 600)) < 0)
    assert.ok(shift(all, 'Battery.StateOfCharge') < -1)
  })

  it('misfire: counted, and felt', () => {
    const all = broken('misfire')
    const counts = new Set(between(trace(all, 'Engine.MisfireCount'), atSec, 600))
    assert.ok(counts.size > 50)
    assert.deepEqual([...new Set(trace(well, 'Engine.MisfireCount').values)], [0])
    assert.ok(shift(all, 'Vibration.Engine') > 0.03)
  })

  it('names faults in a mask', () => {
    assert.deepEqual(faultsIn(0), [])
    assert.deepEqual(faultsIn(0b100100), ['coolant', 'misfire'])
    const drive = simulateDrive({ seed: 1, seconds: 2, faults: [{ kind: 'battery', atSec: 1 }] })
    for (const _ of drive);
    assert.deepEqual(faultsIn(drive.vehicle.faults.mask), ['battery'])
  })
})
