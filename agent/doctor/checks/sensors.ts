import type { AgentStatus } from '../../status.ts'
import type { SensorStatus } from '../../supervisor/sensor-status.ts'
import type { Rates } from '../../watch/rates.ts'
import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'
import { deniedPort } from './devices.ts'

/** A live sensor that gave nothing for so long is silent. */
const SILENT_US = 10e6

/** Each sensor of a running agent delivers. */
export const sensorsCheck: Check = {
  name: 'sensors',
  async run({ status }) {
    const rates = (status?.parts.rates ?? {}) as Rates
    if (!status) return []
    return status.sensors.map((sensor) => look(sensor, status, rates))
  },
}

function look(sensor: SensorStatus, { nowUs, startedUs }: AgentStatus, rates: Rates): Finding {
  const { id, state, frames, readings, lastDataUs, opens, lastError, device } = sensor
  const check = `sensor ${id}`
  const bus = String(device?.busState ?? '')
  if (bus === 'bus-off' || bus === 'error-passive') return wrongBitrate(sensor, `it is ${bus}`)
  if (lastError && state !== 'live') return failed(sensor, lastError)
  if (state === 'off') {
    const finding = frames + readings > 0 ? 'Its source has ended.' : 'It is off.'
    return { check, verdict: 'ok', code: 'OK', finding, cause: 'sensor' }
  }
  const quietUs = nowUs - (lastDataUs || startedUs)
  // Opened again and again, and nothing came: it fell silent each time.
  const silent = opens > 1 && lastDataUs === 0
  if (state === 'stale' || silent || (state === 'live' && quietUs > SILENT_US)) {
    if (Number(device?.rxErrors ?? 0) > frames) {
      return wrongBitrate(sensor, `${device?.rxErrors} errors and ${frames} frames were received`)
    }
    const seconds = Math.round(quietUs / 1e6)
    return {
      check,
      verdict: 'trouble',
      code: 'SENSOR_STALE',
      finding: `${id} is open and has delivered nothing for ${seconds} s.`,
      next: 'Is the ignition on? Then check plug and wiring; a wrong bitrate is silent too on some adapters.',
      command: `milepost frames --bus ${sensor.bus}`,
      cause: 'sensor',
    }
  }
  if (state !== 'live') {
    const finding = `It is ${state}.`
    return { check, verdict: 'trouble', code: 'SENSOR_WAITING', finding, cause: 'sensor' }
  }
  const rate = rates[id]
  const speed = rate ? `, ${rate.framesPerSec || rate.readingsPerSec} a second` : ''
  return { check, verdict: 'ok', code: 'OK', finding: `It delivers${speed}.`, cause: 'sensor' }
}

function failed(sensor: SensorStatus, error: NonNullable<SensorStatus['lastError']>): Finding {
  const { id, bus } = sensor
  const check = `sensor ${id}`
  const { code, message, hint } = error
  if (code === 'DEVICE_PROTOCOL' && /bitrate|only errors/i.test(`${message} ${hint ?? ''}`)) {
    return wrongBitrate(sensor, message)
  }
  if (code === 'DEVICE_DENIED' && /dialout/.test(hint ?? '')) return deniedPort(check, message)
  return {
    check,
    verdict: 'broken',
    code,
    finding: message,
    ...(hint ? { next: hint } : {}),
    command: COMMANDS[code] ?? `milepost frames --bus ${bus}`,
    cause: code === 'DEVICE_DENIED' ? 'permission' : 'device',
  }
}

const COMMANDS: Readonly<Record<string, string | undefined>> = {
  DEVICE_MISSING: 'ls -l /dev/serial/by-id; ip -brief link; dmesg | tail',
  DEVICE_LOST: 'dmesg | tail',
  DEVICE_BUSY: 'sudo fuser -v /dev/ttyACM* /dev/ttyUSB*',
}

function wrongBitrate({ id, kind, bus }: SensorStatus, why: string): Finding {
  const kernel = kind === 'socketcan'
  return {
    check: `sensor ${id}`,
    verdict: 'broken',
    code: 'BITRATE_WRONG',
    finding: `${bus} has errors instead of frames (${why.replace(/\.$/, '')}): most likely the wrong bitrate.`,
    next: 'Try 250000 and 500000, which cars and trucks have; then wiring, and the 120 Ω at both ends.',
    command: kernel
      ? `sudo ip link set ${bus} down && sudo ip link set ${bus} up type can bitrate 250000`
      : 'milepost setup',
    cause: 'bus',
  }
}
