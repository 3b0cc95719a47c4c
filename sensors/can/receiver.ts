import { FRAME_BRS, FRAME_ERR, FRAME_ESI, FRAME_EXT, FRAME_FD, FRAME_RTR } from '../frame.ts'
import * as abi from './abi.ts'
import * as linux from './linux.ts'
import type { FrameRing } from './ring.ts'

/** Frames fetched by one call: half a bus-millisecond would do, a burst fills it. */
const SLOTS = 512
/** Room for the control messages of one frame: its time, and the count of what was lost. */
const CONTROL_BYTES = 128
const IOVEC_BYTES = 2 * abi.WORD
/** `struct msghdr`: name, namelen, iov, iovlen, control, controllen, flags. */
const MSGHDR_BYTES = 7 * abi.WORD
/** `struct mmsghdr` has the message's length behind it. */
const MMSGHDR_BYTES = MSGHDR_BYTES + abi.WORD
const CONTROLLEN_AT = 5 * abi.WORD
const CMSG_HEADER_BYTES = abi.WORD + 8
const FRAME_WORDS = abi.CANFD_MTU / 4

/**
 * Fetches frames from a socket, hundreds by one call, into memory that is laid out once. On 64-bit
 * machines and, by the same layouts, on 32-bit ones; little-endian, as all that Node.js runs on here.
 */
export class Receiver {
  /** Frames that the kernel dropped since the socket was made, as it last said. */
  overflows = 0
  readonly #fd: number
  readonly #frames = new Uint8Array(SLOTS * abi.CANFD_MTU)
  readonly #words = new Uint32Array(this.#frames.buffer)
  readonly #control = new Uint8Array(SLOTS * CONTROL_BYTES)
  readonly #controlView = new DataView(this.#control.buffer)
  readonly #vectors = new Uint8Array(SLOTS * IOVEC_BYTES)
  readonly #messages = new Uint8Array(SLOTS * MMSGHDR_BYTES)
  readonly #messagesView = new DataView(this.#messages.buffer)
  readonly #messagesAt: bigint

  constructor(fd: number) {
    this.#fd = fd
    this.#messagesAt = linux.addressOf(this.#messages)
    const frames = linux.addressOf(this.#frames)
    const control = linux.addressOf(this.#control)
    const vectors = linux.addressOf(this.#vectors)
    const vectorsView = new DataView(this.#vectors.buffer)
    for (let i = 0; i < SLOTS; i++) {
      const vector = i * IOVEC_BYTES
      setWord(vectorsView, vector, frames + BigInt(i * abi.CANFD_MTU))
      setWord(vectorsView, vector + abi.WORD, BigInt(abi.CANFD_MTU))
      const message = i * MMSGHDR_BYTES
      setWord(this.#messagesView, message + 2 * abi.WORD, vectors + BigInt(vector))
      setWord(this.#messagesView, message + 3 * abi.WORD, 1n)
      setWord(this.#messagesView, message + 4 * abi.WORD, control + BigInt(i * CONTROL_BYTES))
    }
  }

  /**
   * Waits for frames and writes what is there, at most what the ring has room for. Answers how many,
   * or the negative errno; -EAGAIN where none came in time.
   */
  receive(ring: FrameRing): number {
    const most = Math.min(SLOTS, ring.room())
    // The kernel leaves here what it used; it wants to find what there is.
    for (let i = 0; i < most; i++) {
      this.#messagesView.setUint32(i * MMSGHDR_BYTES + CONTROLLEN_AT, CONTROL_BYTES, true)
    }
    const got = linux.recvmmsg(this.#fd, this.#messagesAt, most, abi.MSG_WAITFORONE)
    for (let i = 0; i < got; i++) this.#write(ring, i)
    return got
  }

  #write(ring: FrameRing, i: number): void {
    const at = i * FRAME_WORDS
    const head = this.#words[at]
    const second = this.#words[at + 1]
    const message = i * MMSGHDR_BYTES
    const fd = this.#messagesView.getUint32(message + MSGHDR_BYTES, true) === abi.CANFD_MTU
    let flags = 0
    let id = head & 0x7ff
    if (head & abi.CAN_ERR_FLAG) {
      flags = FRAME_ERR
      id = head & abi.CAN_ERR_MASK
    } else if (head & abi.CAN_EFF_FLAG) {
      flags = FRAME_EXT
      id = head & 0x1fff_ffff
    }
    if (head & abi.CAN_RTR_FLAG) flags |= FRAME_RTR
    if (fd) {
      flags |= FRAME_FD
      if ((second >>> 8) & abi.CANFD_BRS) flags |= FRAME_BRS
      if ((second >>> 8) & abi.CANFD_ESI) flags |= FRAME_ESI
    }
    const length = Math.min(second & 0xff, fd ? 64 : 8)
    ring.write(this.#timeUs(i, message), id, flags, length, this.#words, at + 2)
  }

  /** The frame's time from its control messages, which also tell of frames lost before it. */
  #timeUs(i: number, message: number): number {
    const view = this.#controlView
    let at = i * CONTROL_BYTES
    const end = at + this.#messagesView.getUint32(message + CONTROLLEN_AT, true)
    let timeUs = 0
    while (at + CMSG_HEADER_BYTES <= end) {
      const length = view.getUint32(at, true)
      const type = view.getInt32(at + abi.WORD + 4, true)
      const data = at + CMSG_HEADER_BYTES
      if (view.getInt32(at + abi.WORD, true) === abi.SOL_SOCKET) {
        if (type === abi.SO_TIMESTAMPING) {
          const seconds = view.getUint32(data, true) + view.getUint32(data + 4, true) * 2 ** 32
          timeUs = seconds * 1e6 + Math.floor(view.getUint32(data + 8, true) / 1000)
        } else if (type === abi.SO_RXQ_OVFL) this.overflows = view.getUint32(data, true)
      }
      if (length < CMSG_HEADER_BYTES) break
      at += Math.ceil(length / abi.WORD) * abi.WORD
    }
    return timeUs || Date.now() * 1000
  }
}

function setWord(view: DataView, at: number, value: bigint): void {
  if (abi.WORD === 8) view.setBigUint64(at, value, true)
  else view.setUint32(at, Number(value), true)
}
