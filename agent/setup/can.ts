import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { readInterface } from '../../sensors/can/interface.ts'
import { socketcan } from '../../sensors/can/socketcan.ts'
import { type Heard, listen } from './listen.ts'

const run = promisify(execFile)

/** Bitrates of vehicles, the most frequent first (ISO 15765-4, SAE J1939-11 and -14, ISO 11898-3). */
export const BITRATES = [500_000, 250_000, 125_000, 1_000_000, 100_000, 83_333, 50_000, 33_333]

/** A CAN interface of this machine, and what was heard on it. */
export interface CanFound {
  readonly name: string
  /** A bus without wires: it has no bitrate. */
  readonly virtual: boolean
  readonly up: boolean
  /** Bits per second; undefined where none was found or none is known. */
  readonly bitrate?: number
  readonly frames: number
  readonly ids: number
  /** Why nothing is known of it, and the command that helps. */
  readonly problem?: string
}

/** Names of the CAN interfaces of this machine. */
export function canInterfaces(sys = '/sys/class/net'): string[] {
  const isCan = (name: string): boolean => {
    try {
      readInterface(name, sys)
      return true
    } catch {
      return false
    }
  }
  return readdirSync(sys).filter(isCan).sort()
}

interface LinkDetails {
  readonly linkinfo?: {
    readonly info_kind?: string
    readonly info_data?: { readonly bittiming?: { readonly bitrate?: number } }
  }
}

/** What `ip` says of it; nothing where there is no `ip`. */
async function details(name: string): Promise<LinkDetails> {
  try {
    const { stdout } = await run('ip', ['-details', '-json', 'link', 'show', 'dev', name])
    return (JSON.parse(stdout) as LinkDetails[])[0] ?? {}
  } catch {
    return {}
  }
}

/**
 * Listens on an interface. One that is up is only listened to. One that is down is brought up at one
 * bitrate after the other, listening only (it acknowledges nothing and disturbs nobody), until frames
 * come without errors; it stays up at the one that was found.
 */
export async function tryInterface(
  name: string,
  ms: number,
  signal: AbortSignal,
  told: (what: string) => void,
): Promise<CanFound> {
  const { linkinfo } = await details(name)
  const virtual = linkinfo?.info_kind === 'vcan'
  const { up } = readInterface(name)
  if (up || virtual) {
    told(`${name}: listening`)
    const heard = await hear(name, ms, signal)
    const bitrate = linkinfo?.info_data?.bittiming?.bitrate
    return { name, virtual, up, bitrate, ...counts(heard), ...problemOf(name, up, heard, bitrate) }
  }
  for (const bitrate of BITRATES) {
    told(`${name}: listening at ${bitrate / 1000} kbit/s`)
    try {
      await bringUp(name, bitrate, true)
    } catch (error) {
      return { name, virtual, up: false, frames: 0, ids: 0, problem: refused(name, error as Error) }
    }
    const heard = await hear(name, ms, signal)
    if (heard.frames > 0 && heard.errorFrames === 0) {
      await bringUp(name, bitrate, false)
      return { name, virtual, up: true, bitrate, ...counts(heard) }
    }
  }
  await run('ip', ['link', 'set', name, 'down'])
  return {
    name,
    virtual,
    up: false,
    frames: 0,
    ids: 0,
    problem:
      'no frame at any usual bitrate: is the ignition on, are CAN-H, CAN-L and ground connected?',
  }
}

async function hear(name: string, ms: number, signal: AbortSignal): Promise<Heard> {
  const config = socketcan.config.parse({ interface: name, filters: 'none' })
  const enough = ({ frames, ids }: Heard): boolean => frames >= 1000 && ids.size >= 2
  return listen(socketcan.create(config), ms, signal, enough)
}

async function bringUp(name: string, bitrate: number, listenOnly: boolean): Promise<void> {
  await run('ip', ['link', 'set', name, 'down'])
  const mode = ['listen-only', listenOnly ? 'on' : 'off', 'restart-ms', '100']
  await run('ip', ['link', 'set', name, 'type', 'can', 'bitrate', String(bitrate), ...mode])
  await run('ip', ['link', 'set', name, 'up'])
}

const counts = (heard: Heard): { frames: number; ids: number } => ({
  frames: heard.frames,
  ids: heard.ids.size,
})

function problemOf(
  name: string,
  up: boolean,
  heard: Heard,
  bitrate: number | undefined,
): { problem?: string } {
  if (!up) return { problem: `it is down: ip link set ${name} up` }
  if (heard.error) return { problem: heard.error.message }
  if (heard.errorFrames > heard.frames) {
    return { problem: `errors instead of frames: ${bitrate ?? 'its'} bit/s is not this bus's` }
  }
  return heard.frames > 0 ? {} : { problem: 'it is up, and nothing was heard' }
}

function refused(name: string, error: Error): string {
  if (/ENOENT/.test(error.message)) return 'no "ip" here: apt-get install iproute2'
  if (/not permitted/i.test(error.message)) {
    return `only root may set its bitrate: sudo milepost setup, or ip link set ${name} up type can bitrate 500000`
  }
  return error.message.trim().split('\n').at(-1) ?? error.message
}
