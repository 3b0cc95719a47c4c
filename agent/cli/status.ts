import { join, resolve } from 'node:path'
import { Command } from 'commander'
import type { RelayStatus } from '../../sync/relay/status.ts'
import { loadConfig } from '../config/load.ts'
import { ask } from '../control/client.ts'
import { socketPath } from '../control/socket-path.ts'
import type { AgentStatus } from '../status.ts'
import { fail, formatBytes, formatCount, formatSpan, paint } from './output.ts'

interface StatusOptions {
  config?: string
  dataDir?: string
  json?: boolean
}

/** Where `milepost run` without a config keeps its data. */
const DEFAULT_DATA_DIR = '.milepost/sim-1'

export function statusCommand(): Command {
  return new Command('status')
    .option('-c, --config <file>', 'the config that the agent runs with')
    .option('--data-dir <folder>', 'the agent’s data folder, instead of a config')
    .option('--json', 'everything, for a program')
    .action(async (options: StatusOptions) => {
      try {
        const status = await ask<AgentStatus>(socketPath(dataDirOf(options)), 'GET', '/status')
        if (options.json) process.stdout.write(`${JSON.stringify(status, null, 2)}\n`)
        else process.stdout.write(`${screen(status).join('\n')}\n`)
      } catch (error) {
        fail(error)
      }
    })
}

function dataDirOf({ config, dataDir }: StatusOptions): string {
  if (dataDir) return resolve(dataDir)
  return config ? loadConfig(config).dataDir : resolve(join(DEFAULT_DATA_DIR))
}

/** One screen: identity, sensors, decoding, models, outbox, uplink. */
function screen(status: AgentStatus): string[] {
  const out = process.stdout
  const head = (text: string): string => paint('bold', text.padEnd(9), out)
  const ago = (us: number): string =>
    us > 0 ? `${formatSpan((status.nowUs - us) / 1000)} ago` : 'never'
  const lines = [
    `${head('vehicle')} ${status.vehicle}, up ${formatSpan((status.nowUs - status.startedUs) / 1000)}, clock ${status.clock}, ${formatBytes(status.memoryBytes)} resident, milepost ${status.version}`,
  ]
  for (const sensor of status.sensors) {
    const good = sensor.state === 'live' || sensor.state === 'off'
    const drops = Object.entries(sensor.dropped).map(([cause, n]) => `${n} ${cause}`)
    const bus = sensor.device?.busState ?? 'unknown'
    const trouble =
      bus === 'unknown' || bus === 'error-active' ? '' : `, ${paint('yellow', String(bus), out)}`
    lines.push(
      `${head('sensor')} ${sensor.id} (${sensor.kind} on ${sensor.bus}) ${paint(good ? 'green' : 'yellow', sensor.state, out)}${trouble}, ${formatCount(sensor.frames)} frames, last ${ago(sensor.lastDataUs)}${drops.length ? `, lost ${drops.join(', ')}` : ''}`,
    )
    if (sensor.lastError) lines.push(...complaint(sensor.lastError))
  }
  if (status.decode) {
    const { frames, unknown, short, noValues } = status.decode
    const { notAvailable, errors, outOfRange } = noValues
    lines.push(
      `${head('decode')} ${formatCount(frames)} frames, ${formatCount(unknown)} of unknown id, ${formatCount(short)} too short; signals without a value: ${formatCount(notAvailable)} not available, ${formatCount(errors)} errors, ${formatCount(outOfRange)} out of range`,
    )
  }
  const { known, refused } = status.signals
  if (refused > 0)
    lines.push(
      `${head('signals')} ${formatCount(known)} known, ${paint('red', `${formatCount(refused)} refused`, out)}: some sensor or DBC file makes up names`,
    )
  for (const model of status.models) {
    lines.push(
      `${head('model')} ${model.name} ${model.hash.slice(0, 12)} on ${model.runtime}, ${formatCount(model.inferences)} inferences, ${formatCount(model.anomalies)} anomalies, last score ${model.lastScore?.toPrecision(3) ?? '–'} (threshold ${model.threshold.toPrecision(3)})`,
    )
  }
  if (status.sync) {
    const { lanes, outbox, uplink } = status.sync
    for (const [lane, s] of Object.entries(lanes)) {
      lines.push(
        `${head('lane')} ${lane.padEnd(9)} ${formatCount(s.records)} waiting, ${formatBytes(s.bytes)}, oldest ${ago(s.oldestTimeUs)}`,
      )
    }
    const written = outbox.writtenBytesPerRecord
    lines.push(
      `${head('outbox')} ${outbox.state}, ${formatBytes(outbox.fileBytes)} on disk${written ? `, ${formatBytes(written)} written per record` : ''}`,
    )
    const good = uplink.state === 'live' || uplink.state === 'off'
    lines.push(
      `${head('uplink')} ${uplink.kind} ${paint(good ? 'green' : 'yellow', uplink.state, out)}, ${formatCount(uplink.sentRecords)} records sent, last ${ago(uplink.lastAckTimeUs)}`,
    )
    if (uplink.lastError) lines.push(...complaint(uplink.lastError))
  }
  if (status.relay) lines.push(...relayLines(status.relay))
  for (const { cause, count, lastError } of status.faults) {
    lines.push(`${head('fault')} ${paint('red', cause, out)} failed ${formatCount(count)} times`)
    lines.push(...complaint(lastError))
  }
  return lines
}

function relayLines({ state, counts, vehicles, waiting, forward, lastError }: RelayStatus) {
  const good = state === 'live' && forward.state === 'live'
  const { critical, events, telemetry } = waiting
  return [
    `${paint('bold', 'relay'.padEnd(9), process.stdout)} ${paint(good ? 'green' : 'yellow', state, process.stdout)}, ${formatCount(vehicles)} vehicles, ${formatCount(counts.kept)} kept, ${formatCount(counts.duplicates)} seen before, ${formatCount(critical + events + telemetry)} waiting, forwarding ${forward.state}`,
    ...(lastError ? complaint(lastError) : []),
    ...(forward.lastError ? complaint(forward.lastError) : []),
  ]
}

function complaint(error: { code: string; message: string; hint?: string }): string[] {
  const indent = ' '.repeat(10)
  return [
    `${indent}${error.code}: ${error.message}`,
    ...(error.hint ? [`${indent}Next: ${error.hint}`] : []),
  ]
}
