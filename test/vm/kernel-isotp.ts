import koffi from 'koffi'
import * as abi from '../../sensors/can/abi.ts'
import { readInterface } from '../../sensors/can/interface.ts'
import * as linux from '../../sensors/can/linux.ts'
import type { IsoTpAddress } from '../../sensors/isotp/address.ts'
import { eventually } from './guest.ts'

// linux/can/isotp.h
const SOCK_DGRAM = 2
const CAN_ISOTP = 6
const SOL_CAN_ISOTP = 106
const CAN_ISOTP_OPTS = 1
const CAN_ISOTP_RECV_FC = 2
const CAN_ISOTP_LL_OPTS = 5
const EXTEND_ADDR = 0x002
const RX_EXT_ADDR = 0x200
const LONGEST = 8192

const recv = koffi.load(null).func('long recv(int fd, void *buffer, size_t length, int flags)')

export interface KernelOptions {
  /** Bytes of a CAN FD frame; left out: classic. */
  readonly frameBytes?: number
  /** What it asks of who sends to it. */
  readonly blockSize?: number
  /** STmin as in a flow control frame. */
  readonly separation?: number
}

/** The kernel's ISO-TP at the other end of `address`. */
export class KernelIsoTp {
  readonly #fd: number

  constructor(name: string, address: IsoTpAddress, options: KernelOptions = {}) {
    this.#fd = linux.socket(abi.AF_CAN, SOCK_DGRAM, CAN_ISOTP)
    this.#ok('socket', this.#fd)
    const opts = new Uint8Array(12)
    if (address.txByte !== undefined) {
      new DataView(opts.buffer).setUint32(0, EXTEND_ADDR | RX_EXT_ADDR, true)
      // Its own byte is the one that we receive.
      opts[8] = address.rxByte!
      opts[11] = address.txByte
    }
    this.#set(CAN_ISOTP_OPTS, opts)
    this.#set(CAN_ISOTP_RECV_FC, Uint8Array.of(options.blockSize ?? 0, options.separation ?? 0, 0))
    if (options.frameBytes) {
      this.#set(CAN_ISOTP_LL_OPTS, Uint8Array.of(abi.CANFD_MTU, options.frameBytes, abi.CANFD_BRS))
    }
    const form = address.ext ? abi.CAN_EFF_FLAG : 0
    const socket = new Uint8Array(24)
    const view = new DataView(socket.buffer)
    view.setUint16(0, abi.AF_CAN, true)
    view.setInt32(4, readInterface(name).index, true)
    view.setUint32(8, (address.txId | form) >>> 0, true)
    view.setUint32(12, (address.rxId | form) >>> 0, true)
    this.#ok('bind', linux.bind(this.#fd, socket, socket.length))
  }

  /** Hands a message to the kernel, which sends it by itself. */
  send(payload: Uint8Array): void {
    this.#ok('send', linux.send(this.#fd, payload, payload.length, abi.MSG_DONTWAIT))
  }

  /** The next message that the kernel has put together. */
  async receive(): Promise<Buffer> {
    const buffer = new Uint8Array(LONGEST)
    let length = -1
    await eventually(() => {
      length = Number(recv(this.#fd, buffer, buffer.length, abi.MSG_DONTWAIT))
      const code = koffi.errno()
      if (length < 0 && code !== abi.EAGAIN) throw new Error(`recv: ${abi.errorName(code)}`)
      return length >= 0
    })
    return Buffer.from(buffer.subarray(0, length))
  }

  close(): void {
    linux.close(this.#fd)
  }

  #set(option: number, value: Uint8Array): void {
    const result = linux.setsockopt(this.#fd, SOL_CAN_ISOTP, option, value, value.length)
    this.#ok(`setsockopt ${option}`, result)
  }

  #ok(call: string, result: number): void {
    if (result < 0) throw new Error(`${call}: ${abi.errorName(linux.errno())}`)
  }
}
