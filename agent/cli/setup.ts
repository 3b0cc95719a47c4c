import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { AgentError } from '../error.ts'
import { INSTALLED_CONFIG, PACKAGE_ROOT } from '../package-root.ts'
import { type CanFound, canInterfaces, tryInterface } from '../setup/can.ts'
import { type SerialFound, serialPorts, tryPort } from '../setup/serial.ts'
import { configText, type Found, writeConfig } from '../setup/write-config.ts'
import { counted, EXIT, fail } from './output.ts'
import { stopAsked } from './stop-asked.ts'

const DEFAULT_DATA_DIR = '/var/lib/milepost'

interface SetupFlags {
  config: string
  vehicle?: string
  dataDir: string
  brokers?: string
  dbc?: string[]
  port?: string[]
  seconds: number
  listenOnly?: boolean
  force?: boolean
  dryRun?: boolean
  doctor: boolean
  json?: boolean
}

/** `milepost setup`: what this gateway has, written down as a config. */
export function setupCommand(): Command {
  return new Command('setup')
    .option('-c, --config <file>', 'the config to write', INSTALLED_CONFIG)
    .option('--vehicle <name>', 'the name of the vehicle (default: the name of this machine)')
    .option('--data-dir <folder>', 'where the outbox shall live', DEFAULT_DATA_DIR)
    .option('--brokers <host:port,…>', 'where Kafka is; without it nothing is sent')
    .option('--dbc <file...>', 'DBC files of the first bus')
    .option('--port <device...>', 'look at these serial ports only (default: all plugged in)')
    .option('--seconds <n>', 'how long each bitrate is listened to', Number, 1.5)
    .option('--listen-only', 'ask nothing on serial ports: adapters are then not found')
    .option('--force', 'replace a config that is there; it is kept beside the new one')
    .option('--dry-run', 'show the config, write nothing')
    .option('--no-doctor', 'do not look at the result with "milepost doctor"')
    .option('--json', 'what was found, as JSON')
    .addHelpText(
      'after',
      `
Finds CAN interfaces and serial ports and listens. An interface that is down is brought up at one
bitrate after the other, listening only, until frames come (as root). A serial port is listened to for
a GPS receiver, then asked for its version as an slcan or ELM327 adapter.

Examples:
  sudo milepost setup --vehicle truck-17 --dbc engine.dbc
  milepost setup --dry-run -c milepost.yaml

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (flags: SetupFlags) => {
      try {
        process.exitCode = await setup(flags)
      } catch (error) {
        fail(error)
      }
    })
}

function written(file: string, text: string): { kept?: string } {
  try {
    return writeConfig(file, text)
  } catch (cause) {
    throw new AgentError('USAGE', `Cannot write ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'Make its folder, or name another file with -c; where it belongs to root, use sudo.',
    })
  }
}

async function setup(flags: SetupFlags): Promise<number> {
  const file = resolve(flags.config)
  if (!(flags.seconds >= 0.1 && flags.seconds <= 60)) {
    throw new AgentError('USAGE', '--seconds: expected a number from 0.1 to 60', {})
  }
  if (existsSync(file) && !flags.force && !flags.dryRun) {
    throw new AgentError('USAGE', `${file} is there already`, {
      hint: 'Replace it with --force (it is kept beside the new one), or look with --dry-run.',
    })
  }
  const asked = stopAsked()
  const say = (text: string): boolean => process.stderr.write(`${text}\n`)
  const found = await look(flags, asked, say)
  const text = configText(found, {
    vehicle: flags.vehicle ?? nameOf(hostname()),
    dataDir: flags.dataDir,
    brokers: flags.brokers?.split(',').map((each) => each.trim()),
    dbc: (flags.dbc ?? []).map((each) => resolve(each)),
    simulatorDbc: join(PACKAGE_ROOT, 'sensors/simulator/vehicle.dbc'),
  })
  if (flags.json) process.stdout.write(`${JSON.stringify({ ...found, config: text })}\n`)
  else for (const line of summary(found)) say(line)
  if (flags.dryRun) {
    if (!flags.json) process.stdout.write(text)
    return EXIT.done
  }
  const { kept } = written(file, text)
  say(`${file} is written${kept ? `; what was there is ${kept}` : ''}.`)
  if (!flags.doctor) return EXIT.done
  const doctor = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1], 'doctor', '-c', file],
    { stdio: ['ignore', flags.json ? 2 : 'inherit', 'inherit'] },
  )
  await once(doctor, 'exit')
  return EXIT.done
}

async function look(
  flags: SetupFlags,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Found> {
  const ms = flags.seconds * 1000
  const can: CanFound[] = []
  if (!flags.port) {
    for (const name of canInterfaces()) can.push(await tryInterface(name, ms, signal, say))
  }
  const serial: SerialFound[] = []
  const listenOnly = flags.listenOnly ?? false
  for (const port of flags.port ?? serialPorts()) {
    serial.push(await tryPort(port, { ms, listenOnly }, signal, say))
  }
  return { can, serial }
}

function summary({ can, serial }: Found): string[] {
  const lines = [
    ...can.map(({ name, bitrate, frames, ids, problem }) => {
      const rate = bitrate ? ` at ${bitrate / 1000} kbit/s` : ''
      return `${name}${rate}: ${problem ?? `${counted(frames, 'frame')} of ${counted(ids, 'identifier')}`}`
    }),
    ...serial.map(({ port, kind, baudRate, bitrate, problem }) => {
      const what = kind
        ? `${kind}${bitrate ? ` at ${bitrate / 1000} kbit/s` : baudRate ? ` at ${baudRate} baud` : ''}`
        : ''
      return `${port}: ${[what, problem].filter(Boolean).join('; ')}`
    }),
  ]
  return lines.length
    ? lines
    : ['No CAN interface and no serial port: the config is for a simulated vehicle.']
}

/** The name of a machine as the name of a vehicle. */
function nameOf(host: string): string {
  const name = host
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64)
  return name || 'gateway'
}
