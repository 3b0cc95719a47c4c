import type { IsoTpFault, IsoTpOptions } from '../../../sensors/isotp/options.ts'
import { settingsOf } from '../../../sensors/isotp/options.ts'
import { parsePci } from '../../../sensors/isotp/pci.ts'
import { IsoTpReceiver } from '../../../sensors/isotp/receiver.ts'
import { IsoTpSender } from '../../../sensors/isotp/sender.ts'

export interface PairPlan {
  readonly sender?: IsoTpOptions
  readonly receiver?: IsoTpOptions
  /** Address byte in front of each frame. */
  readonly byte?: number
  /** Frames (counted over both directions) that never arrive. */
  readonly lost?: (frame: Uint8Array, index: number) => boolean
  /** How often a device says that it is busy before it takes a frame. */
  readonly busy?: (index: number) => number
  /** How many times the receiver is not ready. */
  readonly notReady?: number
}

export interface PairResult {
  sent: boolean
  message: Uint8Array | undefined
  faults: { side: 'sender' | 'receiver'; fault: IsoTpFault }[]
  frames: Uint8Array[]
  /** Virtual time of each frame. */
  timesUs: number[]
  endUs: number
}

const MAX_STEPS = 2_000_000

/** A sender and a receiver joined by a perfect wire in virtual time, until neither has anything to do. */
export function converse(payload: Uint8Array, plan: PairPlan = {}): PairResult {
  const result: PairResult = {
    sent: false,
    message: undefined,
    faults: [],
    frames: [],
    timesUs: [],
    endUs: 0,
  }
  let nowUs = 0
  let notReady = plan.notReady ?? 0
  const wire: { to: 'sender' | 'receiver'; frame: Uint8Array }[] = []
  const refusals = new Map<number, number>()
  const put =
    (to: 'sender' | 'receiver') =>
    (frame: Uint8Array): boolean => {
      const index = result.frames.length
      const refused = refusals.get(index) ?? 0
      if (refused < (plan.busy?.(index) ?? 0)) {
        refusals.set(index, refused + 1)
        return false
      }
      result.frames.push(frame)
      result.timesUs.push(nowUs)
      if (!plan.lost?.(frame, index)) wire.push({ to, frame })
      return true
    }
  const sender = new IsoTpSender(settingsOf(plan.sender), plan.byte, {
    transmit: put('receiver'),
    sent: () => {
      result.sent = true
    },
    failed: (fault) => result.faults.push({ side: 'sender', fault }),
  })
  const receiver = new IsoTpReceiver(settingsOf(plan.receiver), plan.byte, {
    transmit: put('sender'),
    message: (message) => {
      result.message = message
    },
    failed: (fault) => result.faults.push({ side: 'receiver', fault }),
    ready: () => notReady-- <= 0,
  })
  const prefix = plan.byte === undefined ? 0 : 1
  sender.start(payload, nowUs)
  for (let step = 0; ; step++) {
    if (step > MAX_STEPS) throw new Error('hangs')
    const next = wire.shift()
    if (next) {
      const pci = parsePci(next.frame, prefix)
      if (!pci) throw new Error(`no such frame: ${Buffer.from(next.frame).toString('hex')}`)
      if (next.to === 'sender') sender.flow(pci as never, nowUs)
      else receiver.frame(pci as never, next.frame.length, nowUs)
      continue
    }
    const due = Math.min(sender.deadlineUs, receiver.deadlineUs)
    if (due === Number.POSITIVE_INFINITY) break
    nowUs = Math.max(nowUs, due)
    sender.tick(nowUs)
    receiver.tick(nowUs)
  }
  result.endUs = nowUs
  return result
}

/** Bytes that tell their own place. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff)
}
