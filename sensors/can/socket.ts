import { SensorError } from '../errors.ts'
import { FRAME_BRS, FRAME_ESI, FRAME_FD } from '../frame.ts'
import * as abi from './abi.ts'
import type { IdFilter } from './channel.ts'
import { failure } from './failure.ts'
import { kernelFilters } from './filters.ts'
import { flagsToSend } from './frame-check.ts'
import { readCounters, readyInterface } from './interface.ts'
import * as linux from './linux.ts'

/** How long one read may block, so that the worker sees that it is to end. */
const READ_TIMEOUT_US = 200_000

export interface SocketOptions {
  readonly interface: string
  /** CAN FD: `auto` takes it where the interface is set up for it. */
  readonly fd: 'auto' | boolean
  readonly receiveBufferBytes: number
  /** Error frames of the interface are delivered too. */
  readonly errorFrames: boolean
}

/** A raw CAN socket, bound to one interface. Reading it is the worker's part. */
export class CanSocket {
  readonly fd: number
  readonly interface: string
  readonly canFd: boolean
  /** What the kernel granted, which counts its own overhead as well. */
  readonly receiveBufferBytes: number
  readonly #frame = new Uint8Array(abi.CANFD_MTU)
  readonly #view = new DataView(this.#frame.buffer)

  /**
   * @throws SensorError DEVICE_MISSING, DEVICE_LOST (interface down), DEVICE_DENIED,
   *   DEVICE_PROTOCOL (no CAN in the kernel, or no FD on the interface)
   */
  constructor(options: SocketOptions) {
    const name = options.interface
    const { index, mtu } = readyInterface(name, options.fd === true)
    this.interface = name
    this.canFd = options.fd !== false && mtu >= abi.CANFD_MTU
    this.fd = linux.socket(abi.AF_CAN, abi.SOCK_RAW | abi.SOCK_CLOEXEC, abi.CAN_RAW)
    if (this.fd < 0) throw failure(name, 'socket', linux.errno())
    try {
      this.receiveBufferBytes = this.#grow(options.receiveBufferBytes)
      this.#set(abi.SOL_SOCKET, abi.SO_RXQ_OVFL, 1)
      const stamps = abi.SOF_TIMESTAMPING_RX_SOFTWARE | abi.SOF_TIMESTAMPING_SOFTWARE
      this.#set(abi.SOL_SOCKET, abi.SO_TIMESTAMPING, stamps)
      this.#setBytes(abi.SOL_SOCKET, abi.SO_RCVTIMEO, timeval(READ_TIMEOUT_US))
      if (this.canFd) this.#set(abi.SOL_CAN_RAW, abi.CAN_RAW_FD_FRAMES, 1)
      if (options.errorFrames) {
        this.#set(abi.SOL_CAN_RAW, abi.CAN_RAW_ERR_FILTER, abi.CAN_ERR_MASK)
      }
      const address = new Uint8Array(24)
      new DataView(address.buffer).setUint16(0, abi.AF_CAN, true)
      new DataView(address.buffer).setInt32(4, index, true)
      if (linux.bind(this.fd, address, address.length) < 0)
        throw failure(name, 'bind', linux.errno())
    } catch (error) {
      linux.close(this.fd)
      throw error
    }
  }

  /** Lets only these identifiers in; undefined lets all in. True where the kernel filters now. */
  filter(filters: readonly IdFilter[] | undefined): boolean {
    const list = filters && kernelFilters(filters)
    // One filter that every frame matches: what a new socket has.
    this.#setBytes(abi.SOL_CAN_RAW, abi.CAN_RAW_FILTER, list ?? new Uint8Array(8))
    return list !== undefined
  }

  /** Puts one frame into the interface's queue; throws as `FrameChannel.send` does. */
  send(id: number, ext: boolean, data: Uint8Array, asked: number): void {
    const flags = flagsToSend(id, ext, data, asked)
    const fd = (flags & FRAME_FD) !== 0
    if (fd && !this.canFd) {
      throw new SensorError('DEVICE_PROTOCOL', `${this.interface} cannot send CAN FD frames.`, {
        hint: 'Set the interface up with "fd on", or ask without FD.',
      })
    }
    const size = fd ? abi.CANFD_MTU : abi.CAN_MTU
    this.#frame.fill(0, 0, size)
    this.#view.setUint32(0, (id | (ext ? abi.CAN_EFF_FLAG : 0)) >>> 0, true)
    this.#frame[4] = data.length
    if (flags & FRAME_BRS) this.#frame[5] |= abi.CANFD_BRS
    if (flags & FRAME_ESI) this.#frame[5] |= abi.CANFD_ESI
    this.#frame.set(data, 8)
    const sent = linux.send(this.fd, this.#frame, size, abi.MSG_DONTWAIT)
    if (sent < 0) throw failure(this.interface, 'send', linux.errno())
  }

  /** For `status`: what it was set up with, and the interface's counters. */
  facts(): Record<string, number | string> {
    const { receiveBufferBytes, canFd } = this
    return { ...readCounters(this.interface), canFd: canFd ? 'on' : 'off', receiveBufferBytes }
  }

  close(): void {
    linux.close(this.fd)
  }

  #grow(bytes: number): number {
    // Beyond the system's limit for those who may; up to it for all others.
    const value = int32(bytes)
    if (linux.setsockopt(this.fd, abi.SOL_SOCKET, abi.SO_RCVBUFFORCE, value, 4) < 0) {
      linux.setsockopt(this.fd, abi.SOL_SOCKET, abi.SO_RCVBUF, value, 4)
    }
    const granted = new Uint8Array(4)
    linux.getsockopt(this.fd, abi.SOL_SOCKET, abi.SO_RCVBUF, granted, int32(4))
    return new DataView(granted.buffer).getInt32(0, true)
  }

  #set(level: number, option: number, value: number): void {
    this.#setBytes(level, option, int32(value))
  }

  #setBytes(level: number, option: number, value: Uint8Array): void {
    if (linux.setsockopt(this.fd, level, option, value, value.length) < 0) {
      throw failure(this.interface, `setsockopt ${level}/${option}`, linux.errno())
    }
  }
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

/** `struct timeval` of less than a second. */
function timeval(us: number): Uint8Array {
  const bytes = new Uint8Array(2 * abi.WORD)
  new DataView(bytes.buffer).setInt32(abi.WORD, us, true)
  return bytes
}
