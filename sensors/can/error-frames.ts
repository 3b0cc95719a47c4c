import { FRAME_STRIDE, type FrameBatch } from '../frame.ts'

/** Classes and details of an error frame (linux/can/error.h). */
const LOSTARB = 0x002
const CRTL = 0x004
const PROT = 0x008
const ACK = 0x020
const BUSOFF = 0x040
const BUSERROR = 0x080
const RESTARTED = 0x100
const CNT = 0x200
const CRTL_RX_OVERFLOW = 0x01
const CRTL_WARNING = 0x04 | 0x08
const CRTL_PASSIVE = 0x10 | 0x20
const CRTL_ACTIVE = 0x40

export type BusState = 'unknown' | 'error-active' | 'error-warning' | 'error-passive' | 'bus-off'

/** What the error frames of one interface told since it was opened. */
export class BusErrors {
  state: BusState = 'unknown'
  errorFrames = 0
  busOffs = 0
  restarts = 0
  errorPassives = 0
  lostArbitrations = 0
  protocolErrors = 0
  missingAcks = 0
  /** Frames that the controller lost because nobody fetched them in time; at least. */
  controllerOverflows = 0
  /** Error counters of the controller, where its driver tells them. */
  txErrorCount: number | undefined
  rxErrorCount: number | undefined

  /** Takes error frame `i` of a batch; true where the bus went off. */
  take(batch: FrameBatch, i: number): boolean {
    const kind = batch.id[i]
    const at = i * FRAME_STRIDE
    const crtl = (kind & CRTL) !== 0 ? batch.data[at + 1] : 0
    this.errorFrames++
    if (kind & LOSTARB) this.lostArbitrations++
    if (kind & (PROT | BUSERROR)) this.protocolErrors++
    if (kind & ACK) this.missingAcks++
    if (crtl & CRTL_RX_OVERFLOW) this.controllerOverflows++
    if (crtl & CRTL_PASSIVE) {
      if (this.state !== 'error-passive') this.errorPassives++
      this.state = 'error-passive'
    } else if (crtl & CRTL_WARNING) this.state = 'error-warning'
    else if (crtl & CRTL_ACTIVE) this.state = 'error-active'
    if (kind & RESTARTED) {
      this.restarts++
      this.state = 'error-active'
    }
    if (kind & CNT) {
      this.txErrorCount = batch.data[at + 6]
      this.rxErrorCount = batch.data[at + 7]
    }
    if (!(kind & BUSOFF)) return false
    this.busOffs++
    this.state = 'bus-off'
    return true
  }

  /** For `status`. */
  facts(): Record<string, number | string> {
    const { txErrorCount, rxErrorCount, state, ...counts } = this
    return {
      busState: state,
      ...counts,
      ...(txErrorCount === undefined ? {} : { txErrorCount }),
      ...(rxErrorCount === undefined ? {} : { rxErrorCount }),
    }
  }
}
