import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { elm327 } from '../../sensors/elm327/elm327.ts'
import { PROTOCOL_NAMES } from '../../sensors/elm327/protocol.ts'
import { nmea } from '../../sensors/nmea/nmea.ts'
import { BITRATE_NUMBERS } from '../../sensors/slcan/protocol.ts'
import { slcan } from '../../sensors/slcan/slcan.ts'
import { BITRATES } from './can.ts'
import { type Heard, listen } from './listen.ts'

/** What is at the other end of a serial port. */
export interface SerialFound {
  /** By id where there is one: the same whatever the order of plugging in. */
  readonly port: string
  readonly kind?: 'nmea' | 'slcan' | 'elm327'
  readonly baudRate?: number
  /** Of the bus behind a CAN adapter, bits per second. */
  readonly bitrate?: number
  readonly frames: number
  readonly problem?: string
}

/** Receivers of today, those of NMEA 0183 itself, and fast ones. */
const NMEA_RATES = [9600, 4800, 38_400, 115_200]
const ELM_RATES = [38_400, 115_200, 9600]
/** Ports that exist whether or not anything is behind them (ttyS) are left alone. */
const PLUGGED = /^tty(?:USB|ACM|AMA)\d+$/

/** How long a port is given. */
export interface Patience {
  /** Each bitrate of the bus behind an adapter is listened to for so long. */
  readonly ms: number
  /** A receiver speaks once a second. */
  readonly speakMs?: number
  /** An ELM327 takes a second to come out of its reset. */
  readonly askMs?: number
  /** Asks nothing: adapters are then not found. */
  readonly listenOnly: boolean
}

const SPEAK_MS = 1500
const ASK_MS = 3000
const MOST_PORTS = 16
/** Whether an adapter is there is to be found out, not yet its vehicle: so no search for the protocol. */
const ANY_PROTOCOL = PROTOCOL_NAMES[0]

/** Serial ports of this machine, each once, by the name that stays. */
export function serialPorts(dev = '/dev'): string[] {
  const byId = list(join(dev, 'serial/by-id'))
  const known = new Set(byId.map((path) => statSync(path).rdev))
  const others = list(dev).filter((path) => {
    const name = path.slice(dev.length + 1)
    return PLUGGED.test(name) && !known.has(statSync(path).rdev)
  })
  return [...byId, ...others].slice(0, MOST_PORTS)
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .sort()
  } catch {
    return []
  }
}

/**
 * Finds out what is on a port: listens first, for a receiver that speaks by itself; then, unless
 * `listenOnly`, asks as a CAN adapter is asked for its version.
 */
export async function tryPort(
  port: string,
  { ms, speakMs = SPEAK_MS, askMs = ASK_MS, listenOnly }: Patience,
  signal: AbortSignal,
  told: (what: string) => void,
): Promise<SerialFound> {
  let last: Heard | undefined
  for (const baudRate of NMEA_RATES) {
    told(`${port}: listening at ${baudRate} baud`)
    const sensor = nmea.create(nmea.config.parse({ port, baudRate }))
    last = await listen(sensor, speakMs, signal, ({ readings }) => readings > 0)
    if (last.readings > 0) return { port, kind: 'nmea', baudRate, frames: 0 }
    if (last.error && !last.opened) return { port, frames: 0, problem: tell(last.error) }
  }
  if (listenOnly) return { port, frames: 0, problem: 'it says nothing by itself' }
  return (
    // This one first: an slcan adapter refuses its commands, while it answers those of slcan somehow.
    (await tryElm(port, askMs, signal, told)) ??
    (await trySlcan(port, ms + askMs, signal, told)) ?? {
      port,
      frames: 0,
      problem:
        'neither a receiver, nor an slcan or ELM327 adapter: if it sends lines, see sensors/lines',
    }
  )
}

async function trySlcan(
  port: string,
  ms: number,
  signal: AbortSignal,
  told: (what: string) => void,
): Promise<SerialFound | undefined> {
  for (const bitrate of BITRATES.filter((each) => BITRATE_NUMBERS.has(each))) {
    told(`${port}: as an slcan adapter, at ${bitrate / 1000} kbit/s`)
    const sensor = slcan.create(slcan.config.parse({ port, bitrate, listenOnly: true }))
    const heard = await listen(sensor, ms, signal, ({ frames }) => frames > 0)
    if (!heard.opened) return undefined
    if (heard.frames > 0) return { port, kind: 'slcan', bitrate, frames: heard.frames }
  }
  return { port, kind: 'slcan', frames: 0, problem: 'an slcan adapter; no frame at any bitrate' }
}

async function tryElm(
  port: string,
  ms: number,
  signal: AbortSignal,
  told: (what: string) => void,
): Promise<SerialFound | undefined> {
  for (const baudRate of ELM_RATES) {
    told(`${port}: as an ELM327 at ${baudRate} baud`)
    const sensor = elm327.create(elm327.config.parse({ port, baudRate, protocol: ANY_PROTOCOL }))
    const heard = await listen(sensor, ms, signal, ({ opened }) => opened)
    if (heard.opened) return { port, kind: 'elm327', baudRate, frames: heard.frames }
  }
  return undefined
}

function tell(error: Error): string {
  const { hint } = error as { hint?: string }
  return hint ? `${error.message} ${hint}` : error.message
}
