import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SensorError } from '../errors.ts'
import { CANFD_MTU } from './abi.ts'

const SYS = '/sys/class/net'
/** ARPHRD_CAN (linux/if_arp.h). */
const TYPE_CAN = 280
const IFF_UP = 1
/** Counters of the interface that `status` shows, by what they are called there. */
const COUNTERS = {
  rxFrames: 'rx_packets',
  txFrames: 'tx_packets',
  rxErrors: 'rx_errors',
  rxDropped: 'rx_dropped',
  rxOverErrors: 'rx_over_errors',
  txErrors: 'tx_errors',
  txDropped: 'tx_dropped',
} as const

export interface InterfaceState {
  readonly index: number
  readonly mtu: number
  readonly up: boolean
  /** False while a controller is bus-off: the driver takes the carrier away until it is restarted. */
  readonly carrier: boolean
}

/** Counters of one interface since it was made. */
export type InterfaceCounters = Record<keyof typeof COUNTERS, number>

/**
 * What the kernel says of a CAN interface.
 * @throws SensorError DEVICE_MISSING: there is none of this name, or it is no CAN interface
 */
export function readInterface(name: string, sys = SYS): InterfaceState {
  const at = join(sys, name)
  const number = (file: string): number => Number(readFileSync(join(at, file), 'utf8').trim())
  let type: number
  try {
    type = number('type')
  } catch (cause) {
    throw new SensorError('DEVICE_MISSING', `There is no interface ${name}.`, {
      cause,
      hint:
        'See "ip -brief link". A controller on SPI needs its overlay in config.txt, a USB adapter its ' +
        `driver (dmesg); for a try without hardware: ip link add dev ${name} type vcan.`,
    })
  }
  if (type !== TYPE_CAN) {
    throw new SensorError('DEVICE_MISSING', `${name} is no CAN interface.`, {
      hint: 'See "ip -brief link show type can".',
    })
  }
  const up = (number('flags') & IFF_UP) !== 0
  // The kernel has no carrier to tell of while the interface is down.
  const carrier = up && number('carrier') === 1
  return { index: number('ifindex'), mtu: number('mtu'), up, carrier }
}

/**
 * The same, of an interface that can be used.
 * @throws SensorError DEVICE_LOST: it is down or bus-off; DEVICE_PROTOCOL: CAN FD is asked for and it has none
 */
export function readyInterface(name: string, fd: boolean, sys = SYS): InterfaceState {
  const state = readInterface(name, sys)
  if (!state.up) throw interfaceDown(name)
  if (!state.carrier) throw busOff(name)
  if (fd && state.mtu < CANFD_MTU) {
    throw new SensorError(
      'DEVICE_PROTOCOL',
      `${name} is not set up for CAN FD (mtu ${state.mtu}).`,
      {
        hint:
          `ip link set ${name} down && ` +
          `ip link set ${name} up type can bitrate 500000 dbitrate 2000000 fd on`,
      },
    )
  }
  return state
}

export function interfaceDown(name: string, cause?: unknown): SensorError {
  return new SensorError('DEVICE_LOST', `Interface ${name} is down.`, {
    cause,
    hint: `ip link set ${name} up type can bitrate 500000 (the vehicle's own bitrate)`,
  })
}

/** Its controller took itself off the bus after too many errors and is not being restarted. */
export function busOff(name: string): SensorError {
  return new SensorError('DEVICE_LOST', `The controller of ${name} is bus-off.`, {
    hint:
      `Check wiring, termination and bitrate; then: ip link set ${name} down && ` +
      `ip link set ${name} up type can bitrate 500000 restart-ms 100`,
  })
}

/** Error frames and no other: what a wrong bitrate looks like. */
export function onlyErrors(name: string): SensorError {
  return new SensorError('DEVICE_PROTOCOL', `${name} has only errors, and no frame at all.`, {
    hint:
      `The bitrate is probably wrong: ip link set ${name} down && ` +
      `ip link set ${name} up type can bitrate 250000 listen-only on ` +
      '(500000, 250000, 125000 and 1000000 are common); then check wiring and termination.',
  })
}

/** Counters now; undefined once the interface is gone. */
export function readCounters(name: string, sys = SYS): InterfaceCounters | undefined {
  const counters: Partial<InterfaceCounters> = {}
  try {
    for (const [key, file] of Object.entries(COUNTERS)) {
      const text = readFileSync(join(sys, name, 'statistics', file), 'utf8')
      counters[key as keyof InterfaceCounters] = Number(text)
    }
  } catch {
    return undefined
  }
  return counters as InterfaceCounters
}
