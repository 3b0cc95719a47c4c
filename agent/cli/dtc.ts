import { Command } from 'commander'
import { ask } from '../control/client.ts'
import type { Cleared, SensorCode } from '../trouble-codes/trouble-codes-part.ts'
import { confirm } from './confirm.ts'
import { EXIT, fail, paint } from './output.ts'
import { type PlaceOptions, placeOf, withPlace } from './place.ts'

/** An ECU may take seconds to clear, and to say so. */
const CLEAR_TIMEOUT_MS = 60_000

interface Codes {
  readonly sensors: readonly { sensor: string; kind: string }[]
  readonly codes: readonly SensorCode[]
}

/** `milepost dtc`: the vehicle's trouble codes, from a running agent. */
export function dtcCommand(): Command {
  return new Command('dtc').addCommand(readCommand()).addCommand(clearCommand())
}

function readCommand(): Command {
  return withPlace(new Command('read'))
    .description('trouble codes with status, first and last seen, and freeze frame')
    .addHelpText(
      'after',
      `
From the sensors obd, uds and j1939 of a running agent. What was before its start, and what is gone,
is in: milepost events --type dtc

Examples:
  milepost dtc read
  milepost dtc read --json | jq -r '.codes[].code'`,
    )
    .action(async (options: PlaceOptions) => {
      try {
        const answer = await ask<Codes>(placeOf(options).socket, 'GET', '/dtc')
        if (options.json) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
        else show(answer)
      } catch (error) {
        fail(error)
      }
    })
}

function clearCommand(): Command {
  return withPlace(new Command('clear'))
    .description(
      'clear the trouble codes of every ECU (OBD service 04), where the config allows it',
    )
    .option('--sensor <id>', 'the obd sensor, where there are several')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Freeze frames and readiness monitors go with the codes. Ignition on, engine off. It is refused unless
the sensor has allowClear: true in the config, and leaves a record on the lane critical.

Examples:
  milepost dtc clear
  milepost dtc clear --sensor obd --yes --json`,
    )
    .action(async (options: PlaceOptions & { sensor?: string; yes?: boolean }) => {
      try {
        const question = 'Clear all trouble codes, their freeze frames and readiness monitors?'
        if (!options.yes && !(await confirm(question))) {
          process.stderr.write('nothing was cleared\n')
          process.exitCode = EXIT.failed
          return
        }
        const { socket } = placeOf(options)
        const body = { sensor: options.sensor }
        const sent = { body, timeoutMs: CLEAR_TIMEOUT_MS }
        const cleared = await ask<Cleared>(socket, 'POST', '/dtc/clear', sent)
        const whole = Object.values(cleared.ecus).every((answer) => answer === 'positive')
        if (options.json) process.stdout.write(`${JSON.stringify(cleared, null, 2)}\n`)
        else showCleared(cleared)
        if (!whole) process.exitCode = EXIT.failed
      } catch (error) {
        fail(error)
      }
    })
}

function show({ sensors, codes }: Codes): void {
  const out = process.stdout
  for (const { sensor, ecu, code, status, firstSeenUs, lastSeenUs, ...more } of codes) {
    out.write(`${paint('bold', code, out)}  ${status.join(', ')}\n`)
    out.write(`  ${sensor}, ECU ${ecu}; first seen ${iso(firstSeenUs)}, last ${iso(lastSeenUs)}\n`)
    for (const [name, value] of Object.entries(more.details ?? {})) {
      out.write(`  ${name}: ${text(value)}\n`)
    }
    for (const [name, value] of Object.entries(more.freezeFrame ?? {})) {
      out.write(`    ${name} ${text(value)}\n`)
    }
  }
  const from = sensors.map(({ sensor }) => sensor).join(', ')
  const where = from ? ` (${from})` : ': no sensor of kind obd, uds or j1939 is in the config'
  process.stderr.write(`${codes.length} trouble codes${where}\n`)
}

function showCleared({ sensor, ecus, left }: Cleared): void {
  for (const [ecu, answer] of Object.entries(ecus)) {
    const said = answer === 'positive' ? 'cleared' : `not cleared: ${answer}`
    process.stdout.write(`${sensor}, ECU ${ecu}: ${said}\n`)
  }
  const codes = left.map(({ code, status }) => `${code} (${status.join(', ')})`)
  process.stderr.write(codes.length ? `left: ${codes.join(', ')}\n` : 'no codes are left\n')
}

function iso(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString()
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
