import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { parseConfig } from '../config/load.ts'
import type { CanFound } from './can.ts'
import type { SerialFound } from './serial.ts'

export interface Found {
  readonly can: readonly CanFound[]
  readonly serial: readonly SerialFound[]
}

/** What the config shall say beside what was found. */
export interface Wishes {
  readonly vehicle: string
  readonly dataDir: string
  /** `host:port` of Kafka; without it records are kept and not sent. */
  readonly brokers?: readonly string[]
  /** DBC files of the first bus. */
  readonly dbc: readonly string[]
  /** Where neither a bus nor a port was found: a vehicle to try with, and its DBC file. */
  readonly simulatorDbc: string
}

interface Sensor {
  readonly text: string
  /** The bus that it delivers frames of. */
  readonly bus?: string
}

/** A config for what was found, with a word on what to change. It has passed the agent's own checks. */
export function configText(found: Found, wishes: Wishes): string {
  const sensors = sensorsOf(found)
  const simulated = sensors.length === 0
  if (simulated) {
    sensors.push({ bus: 'can0', text: '  - { id: engine, kind: simulator, bus: can0 }' })
  }
  const buses = [...new Set(sensors.flatMap(({ bus }) => bus ?? []))]
  const text = `# Written by "milepost setup". "milepost doctor" says what is wrong with it.
vehicle: ${quote(wishes.vehicle)} # the key of every record; one name, one gateway
dataDir: ${quote(wishes.dataDir)}

sensors:
${simulated ? '  # Nothing was found: a simulated vehicle, to try with.\n' : ''}${sensors.map(({ text }) => text).join('\n')}

buses:
${buses.map((bus, i) => busText(bus, i === 0 ? (simulated ? [wishes.simulatorDbc] : wishes.dbc) : [])).join('\n')}

campaigns:
  # Everything, once a second. Narrow it down before the vehicle pays for its data by the megabyte.
  - { id: drive, signals: ['*'], sampleEveryMs: 1000 }
  # What matters when it changes:
  # - { id: gear, signals: ['*Gear*'], onChange: {}, lane: events }

outbox:
  maxMiB: 512 # the oldest telemetry gives way first; "critical" last
  groupCommitMs: 50 # what a power cut can take of the lower lanes

uplink:
${uplinkText(wishes.brokers)}
`
  // What setup writes, run must take.
  parseConfig(text, '/setup/milepost.yaml')
  return text
}

function sensorsOf({ can, serial }: Found): Sensor[] {
  const sensors: Sensor[] = can.map(({ name, problem, bitrate }) => ({
    bus: name,
    text: `  - id: ${name}
    kind: socketcan
    interface: ${quote(name)}
    bus: ${name}
    staleAfterMs: 10000 # reopened when silent for so long; 0: never${note(problem, bitrate)}`,
  }))
  const count = { slcan: 0, elm327: 0, nmea: 0 }
  for (const { port, kind, baudRate, bitrate, problem } of serial) {
    if (!kind) {
      sensors.push({ text: `  # ${port}: ${problem ?? 'unknown'}` })
      continue
    }
    const id = `${kind}${count[kind]++ || ''}`
    const lines = [`  - id: ${id}`, `    kind: ${kind}`, `    port: ${quote(port)}`]
    if (kind !== 'slcan' && baudRate) lines.push(`    baudRate: ${baudRate}`)
    if (kind === 'slcan')
      lines.push(`    bitrate: ${bitrate ?? 500_000}${bitrate ? '' : ' # a guess'}`)
    if (kind !== 'nmea') lines.push(`    bus: ${id}`)
    sensors.push({ text: lines.join('\n') + note(problem), bus: kind === 'nmea' ? undefined : id })
  }
  return sensors.some(({ text }) => !text.startsWith('  #')) ? sensors : []
}

function note(problem: string | undefined, bitrate?: number): string {
  const lines = [
    ...(problem ? [`\n    # At setup: ${problem}`] : []),
    ...(bitrate
      ? [`\n    # Heard at ${bitrate} bit/s; the interface holds the bitrate, not this file.`]
      : []),
  ]
  return lines.join('')
}

function busText(bus: string, dbc: readonly string[]): string {
  const files = dbc.length ? dbc.map(quote).join(', ') : ''
  return `  ${bus}:
    dbc: [${files}] # DBC files that give the frames of this bus their names
    send: [] # identifiers that may be sent; OBD asks on 0x7DF`
}

function uplinkText(brokers: readonly string[] | undefined): string {
  if (brokers) return `  kind: kafka\n  brokers: [${brokers.map(quote).join(', ')}]`
  return `  kind: none # kept on this gateway, not sent; to send:
  # kind: kafka
  # brokers: ['kafka.example.com:9094']
  # tls: { ca: ca.crt, cert: user.crt, key: user.key }`
}

/** JSON's strings are YAML's. */
const quote = (text: string): string => JSON.stringify(text)

/** Writes the file whole or not at all; what was there before is kept beside it. */
export function writeConfig(file: string, text: string): { kept?: string } {
  const kept = existsSync(file) ? `${file}.before-setup` : undefined
  const fd = openSync(`${file}.new`, 'w', 0o640)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  if (kept) renameSync(file, kept)
  renameSync(`${file}.new`, file)
  return { kept }
}
