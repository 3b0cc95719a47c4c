import { z } from 'zod'
import type { FrameChannel } from '../../can/channel.ts'

/** How a simulated ECU misbehaves; all of it can be switched while it runs. */
export const ecuBehaviour = z.strictObject({
  /** Time that it takes to begin an answer. */
  delayMs: z.number().min(0).max(60_000).default(0),
  /** "Response pending" (0x78) told so often before each answer, `pendingEveryMs` apart. */
  pending: z.number().int().min(0).max(100).default(0),
  pendingEveryMs: z.number().min(1).max(10_000).default(100),
  /** Refuses everything with this negative response code. */
  refuse: z.number().int().min(1).max(0xff).optional(),
  /** Says nothing. */
  silent: z.boolean().default(false),
  /** Stops in the middle of an answer: after so many consecutive frames. */
  stopAfterFrames: z.number().int().min(0).max(4095).optional(),
})

export type EcuBehaviour = z.infer<typeof ecuBehaviour>

/**
 * A channel that swallows the rest of a long answer once the behaviour says so: what the other end
 * sees of an ECU that is reset in the middle.
 */
export function stoppingChannel(
  inner: FrameChannel,
  behaviour: () => EcuBehaviour,
  prefix = 0,
): FrameChannel {
  let consecutive = 0
  return {
    bus: inner.bus,
    onFrame: (filters, listener) => inner.onFrame(filters, listener),
    send: (id, ext, data, flags) => {
      const isConsecutive = data[prefix] >> 4 === 2
      consecutive = isConsecutive ? consecutive + 1 : 0
      const { stopAfterFrames } = behaviour()
      if (isConsecutive && stopAfterFrames !== undefined && consecutive > stopAfterFrames) return
      inner.send(id, ext, data, flags)
    },
  }
}
