import type { AgentStatus } from '../status.ts'
import { clockSet } from '../time/clock-set.ts'
import type { UpdatesStatus } from '../updates/part.ts'
import type { LastInferences } from '../watch/inferences.ts'
import type { MachineStatus } from '../watch/machine.ts'
import type { Rates } from '../watch/rates.ts'
import { complaint } from './complaint.ts'
import { counted, formatBytes, formatCount, formatSpan, paint } from './output.ts'
import { relayLines, syncLines } from './status-sync.ts'
import { updateLines } from './update-lines.ts'

const HEAD_WIDTH = 9
/** Where a line goes on that is wider than the terminal: beside its head. */
export const HANGING = HEAD_WIDTH + 1
/** Below this a disk is told of in red: SQLite, logs and updates need some. */
const LOW_DISK = 0.05

const out = process.stdout
const head = (text: string): string => paint('bold', text.padEnd(HEAD_WIDTH), out)
const good = (text: string): string => paint('green', text, out)
const bad = (text: string): string => paint('yellow', text, out)

/** One screen: identity, clock, sensors, decoding, models, outbox, uplink, updates, disk. */
export function statusScreen(status: AgentStatus): string[] {
  return [
    ...identity(status),
    ...sensors(status),
    ...decoding(status),
    ...models(status),
    ...(status.sync ? syncLines(status.sync, status.nowUs) : []),
    ...(status.relay ? relayLines(status.relay, status.nowUs) : []),
    ...updates(status),
    ...machine(status),
    ...status.faults.flatMap(({ cause, count, lastError }) => [
      `${head('fault')} ${paint('red', cause, out)} failed ${counted(count, 'time')}`,
      ...complaint(lastError),
    ]),
  ]
}

function identity(status: AgentStatus): string[] {
  const { vehicle, version, startedUs, nowUs, memoryBytes, state, timeSeen } = status
  const time = new Date(nowUs / 1000).toISOString().replace('T', ' ').slice(0, 19)
  const told = timeSeen ? `, ${timeSeen.sensor} tells the time` : ''
  return [
    `${head('vehicle')} ${vehicle}, ${state}, up ${formatSpan((nowUs - startedUs) / 1000)}, ${formatBytes(memoryBytes)} resident, milepost ${version}`,
    `${head('clock')} ${time} UTC, ${clock(status)}${told}`,
  ]
}

function clock({ nowUs, clock: state, clockBy }: AgentStatus): string {
  if (!clockSet(nowUs)) return bad('not set')
  return state === 'unsynced' ? 'nobody vouches for it' : good(`${state} (${clockBy})`)
}

function sensors(status: AgentStatus): string[] {
  const rates = (status.parts.rates ?? {}) as Rates
  return status.sensors.flatMap((sensor) => {
    const { id, kind, bus, state, frames, readings, dropped, lastDataUs, device, lastError } =
      sensor
    const rate = rates[id]
    const fine = state === 'live' || state === 'off' ? good(state) : bad(state)
    const busState = String(device?.busState ?? 'unknown')
    const trouble = ['unknown', 'error-active'].includes(busState) ? '' : `, ${bad(busState)}`
    const lost = Object.entries(dropped).map(([cause, n]) => `${formatCount(n)} ${cause}`)
    const delivered =
      frames > 0
        ? `${formatCount(rate?.framesPerSec ?? 0)} frames/s (${formatCount(frames)})`
        : `${formatCount(rate?.readingsPerSec ?? 0)} readings/s (${formatCount(readings)})`
    return [
      `${head('sensor')} ${id} (${kind} on ${bus}) ${fine}${trouble}, ${delivered}, last ${ago(status, lastDataUs)}${lost.length ? `, lost ${lost.join(', ')}` : ''}`,
      ...(lastError ? complaint(lastError) : []),
    ]
  })
}

function decoding({ decode, signals: { known, refused } }: AgentStatus): string[] {
  const lines: string[] = []
  if (decode) {
    const { frames, unknown, short, noValues, skippedFiles } = decode
    const { notAvailable, errors, outOfRange } = noValues
    lines.push(
      `${head('decode')} ${counted(frames, 'frame')}, ${formatCount(unknown)} of unknown id, ${formatCount(short)} too short; signals without a value: ${formatCount(notAvailable)} not available, ${counted(errors, 'error')}, ${formatCount(outOfRange)} out of range`,
      ...skippedFiles.map((file) => `${' '.repeat(HEAD_WIDTH)} ${bad(`skipped, broken: ${file}`)}`),
    )
  }
  if (refused > 0) {
    lines.push(
      `${head('signals')} ${formatCount(known)} known, ${paint('red', `${formatCount(refused)} refused`, out)}: some sensor or DBC file makes up names`,
    )
  }
  return lines
}

function models(status: AgentStatus): string[] {
  const last = (status.parts.inferences ?? {}) as LastInferences
  return status.models.flatMap((model) => {
    const { name, hash, runtime, inferences, anomalies, active, lastScore, threshold } = model
    const { trial, problems, starved } = model
    const state = active ? paint('red', 'anomaly', out) : good('usual')
    const trying = trial ? `, ${bad(`on trial for ${formatSpan(trial.ms)}`)}` : ''
    const [first] = last[name]?.contributors ?? []
    const most = first ? `, mostly ${first.signal} (${Math.round(first.share * 100)} %)` : ''
    return [
      `${head('model')} ${name} ${hash.slice(0, 12)} on ${runtime}: ${state}, score ${lastScore?.toPrecision(3) ?? '–'} of ${threshold.toPrecision(3)}${most}${trying}`,
      `${head('')} ${counted(inferences, 'inference')}, ${counted(anomalies, 'anomaly', 'anomalies')}`,
      ...[...problems, ...(starved ? [`starved: ${starved}`] : [])].map(
        (problem) => `${head('')} ${bad(problem)}`,
      ),
    ]
  })
}

function updates({ parts }: AgentStatus): string[] {
  const told = parts.updates as UpdatesStatus | undefined
  return told ? updateLines(told) : [`${head('updates')} off`]
}

function machine({ parts }: AgentStatus): string[] {
  const told = parts.machine as MachineStatus | undefined
  if (!told || told.diskBytes === 0) return []
  const { diskFreeBytes, diskBytes, memoryFreeBytes, load } = told
  const free = `${formatBytes(diskFreeBytes)} free`
  const disk = diskFreeBytes < diskBytes * LOW_DISK ? paint('red', free, out) : free
  const history = parts.history as { bytes: number } | undefined
  const ring = history ? `, history ${formatBytes(history.bytes)}` : ''
  return [
    `${head('disk')} ${disk} of ${formatBytes(diskBytes)}${ring}; memory ${formatBytes(memoryFreeBytes)} free, load ${load}`,
  ]
}

function ago({ nowUs }: AgentStatus, us: number): string {
  return us > 0 ? `${formatSpan((nowUs - us) / 1000)} ago` : 'never'
}
