import { SensorError } from '../errors.ts'
import { FRAME_BRS, FRAME_ESI, FRAME_FD } from '../frame.ts'
import type { IdFilter } from './channel.ts'
import { kernelFilters } from './filters.ts'
import { flagsToSend } from './frame-check.ts'
import { interfaceDown, readyInterface } from './interface.ts'
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
  readonly #frame = new Uint8Array(linux.CANFD_MTU)
  readonly #view = new DataView(this.#frame.buffer)

  /**
   * @throws SensorError DEVICE_MISSING, DEVICE_LOST (interface down), DEVICE_DENIED,
   *   DEVICE_PROTOCOL (no CAN in the kernel, or no FD on the interface)
   */
  constructor(options: SocketOptions) {
    const name = options.interface
    const { index, mtu } = readyInterface(name, options.fd === true)
    this.interface = name
    this.canFd = options.fd !== false && mtu >= linux.CANFD_MTU
    this.fd = linux.socket(linux.AF_CAN, linux.SOCK_RAW | linux.SOCK_CLOEXEC, linux.CAN_RAW)
    if (this.fd < 0) throw failure(name, 'socket', linux.errno())
    try {
      this.receiveBufferBytes = this.#grow(options.receiveBufferBytes)
      this.#set(linux.SOL_SOCKET, linux.SO_RXQ_OVFL, 1)
      const stamps = linux.SOF_TIMESTAMPING_RX_SOFTWARE | linux.SOF_TIMESTAMPING_SOFTWARE
      this.#set(linux.SOL_SOCKET, linux.SO_TIMESTAMPING, stamps)
      this.#setBytes(linux.SOL_SOCKET, linux.SO_RCVTIMEO, timeval(READ_TIMEOUT_US))
      if (this.canFd) this.#set(linux.SOL_CAN_RAW, linux.CAN_RAW_FD_FRAMES, 1)
      if (options.errorFrames) {
        this.#set(linux.SOL_CAN_RAW, linux.CAN_RAW_ERR_FILTER, linux.CAN_ERR_MASK)
      }
      const address = new Uint8Array(24)
      new DataView(address.buffer).setUint16(0, linux.AF_CAN, true)
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
    this.#setBytes(linux.SOL_CAN_RAW, linux.CAN_RAW_FILTER, list ?? new Uint8Array(8))
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
    const size = fd ? linux.CANFD_MTU : linux.CAN_MTU
    this.#frame.fill(0, 0, size)
    this.#view.setUint32(0, (id | (ext ? linux.CAN_EFF_FLAG : 0)) >>> 0, true)
    this.#frame[4] = data.length
    if (flags & FRAME_BRS) this.#frame[5] |= linux.CANFD_BRS
    if (flags & FRAME_ESI) this.#frame[5] |= linux.CANFD_ESI
    this.#frame.set(data, 8)
    const sent = linux.send(this.fd, this.#frame, size, linux.MSG_DONTWAIT)
    if (sent < 0) throw failure(this.interface, 'send', linux.errno())
  }

  close(): void {
    linux.close(this.fd)
  }

  #grow(bytes: number): number {
    // Beyond the system's limit for those who may; up to it for all others.
    const value = int32(bytes)
    if (linux.setsockopt(this.fd, linux.SOL_SOCKET, linux.SO_RCVBUFFORCE, value, 4) < 0) {
      linux.setsockopt(this.fd, linux.SOL_SOCKET, linux.SO_RCVBUF, value, 4)
    }
    const granted = new Uint8Array(4)
    linux.getsockopt(this.fd, linux.SOL_SOCKET, linux.SO_RCVBUF, granted, int32(4))
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

/** What a failed call means for a person. */
export function failure(name: string, call: string, code: number): SensorError {
  const cause = new Error(`${call}: ${linux.errorName(code)}`)
  switch (code) {
    case linux.ENETDOWN:
      return interfaceDown(name, cause)
    case linux.ENODEV:
    case linux.ENXIO:
      return new SensorError('DEVICE_LOST', `Interface ${name} is gone.`, {
        cause,
        hint: 'Plug the adapter in again; see "dmesg". It is opened again by itself.',
      })
    case linux.EPERM:
    case linux.EACCES:
      return new SensorError('DEVICE_DENIED', `No permission for a CAN socket on ${name}.`, {
        cause,
        hint: 'In a unit: RestrictAddressFamilies=AF_CAN; in a container: --network=host --cap-add=NET_RAW.',
      })
    case linux.EAFNOSUPPORT:
    case linux.EPROTONOSUPPORT:
      return new SensorError('DEVICE_PROTOCOL', 'This kernel has no SocketCAN.', {
        cause,
        hint: 'modprobe can_raw',
      })
    case linux.EAGAIN:
    case linux.ENOBUFS:
      return new SensorError('DEVICE_BUSY', `The queue of ${name} is full.`, {
        cause,
        hint: `Does anybody acknowledge on this bus? If so: ip link set ${name} txqueuelen 128.`,
      })
    default:
      return new SensorError('DEVICE_LOST', `${name}: ${cause.message}`, { cause })
  }
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, value, true)
  return bytes
}

/** `struct timeval` of less than a second. */
function timeval(us: number): Uint8Array {
  const bytes = new Uint8Array(2 * linux.WORD)
  new DataView(bytes.buffer).setInt32(linux.WORD, us, true)
  return bytes
}
