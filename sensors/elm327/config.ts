import { z } from 'zod'
import { baudRate } from '../serial/read-lines.ts'
import { PROTOCOL_NAMES } from './protocol.ts'

const canId = z.number().int().min(0).max(0x1fff_ffff)

export const elm327Config = z
  .strictObject({
    /** Device node; `/dev/serial/by-id/…` stays the same over unplugging. */
    port: z.string().min(1),
    /** 38400 for most ELM327, 115200 for OBDLink. */
    baudRate: baudRate.default(38_400),
    /** The vehicle's bus; `auto` looks for it. */
    protocol: z.enum(['auto', ...PROTOCOL_NAMES]).default('auto'),
    /** How `auto` looks: by listening, or by asking the vehicle once (`0100`), which sends on the bus. */
    search: z.enum(['listen', 'ask']).default('listen'),
    /** How long each protocol is listened to. */
    searchMs: z.number().int().min(100).max(60_000).default(1500),
    /** Sends nothing, not even to acknowledge; false lets OBD and UDS ask on this bus. */
    listenOnly: z.boolean().default(true),
    /** Takes all frames of the bus while nobody asks. */
    monitor: z.boolean().default(true),
    /** How long the adapter waits for answers to a request. */
    answerTimeoutMs: z.number().int().min(4).max(1020).default(200),
    /** Identifiers of answers where they are not the usual ones (request + 8). */
    replies: z
      .array(z.strictObject({ request: canId, reply: canId }))
      .max(64)
      .default([]),
    /** After so long a silence the adapter is asked whether it is still there. */
    probeEveryMs: z.number().int().min(100).max(600_000).default(5000),
  })
  .refine(({ monitor, listenOnly }) => monitor || !listenOnly, {
    path: ['monitor'],
    message: 'with listenOnly: true and monitor: false nothing would ever be read',
  })
  .refine(({ search, listenOnly }) => search === 'listen' || !listenOnly, {
    path: ['search'],
    message: 'to ask is to send: set listenOnly: false',
  })

export type Elm327Config = z.infer<typeof elm327Config>
