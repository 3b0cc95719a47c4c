import { SensorError } from '../errors.ts'
import type { SensorContext } from '../sensor.ts'
import { pause } from '../wait.ts'
import type { SlcanConfig } from './config.ts'
import type { Outgoing } from './outgoing.ts'
import { STATUS_BUS_ERROR, STATUS_LOSS, STATUS_PASSIVE, STATUS_WARNING } from './protocol.ts'
import type { SlcanSession } from './session.ts'

/** Status questions in a row without any byte back after which the adapter counts as lost. */
const MAX_UNANSWERED = 5
/** Status answers in a row that tell of bus errors, without a frame between them. */
const MAX_BUS_ERRORS = 5

/** What came in so far. */
export interface Arrived {
  bytes: number
  frames: number
}

/**
 * Asks for the status flags now and then, and shows them: they tell of frames lost in the adapter and
 * of errors on the bus; and an adapter that used to answer and does no more has died without closing
 * its port. Ends when `stop` aborts.
 * @throws SensorError DEVICE_LOST: it stopped answering; DEVICE_PROTOCOL: errors and no frame at all
 */
export async function watchAdapter(
  session: SlcanSession,
  config: SlcanConfig,
  context: SensorContext,
  arrived: Readonly<Arrived>,
  outgoing: Outgoing | undefined,
  stop: AbortSignal,
): Promise<void> {
  let answers = 0
  let unanswered = 0
  let errors = 0
  let framesBefore = arrived.frames
  for (;;) {
    await pause(config.statusEveryMs, stop)
    if (stop.aborted) return
    const bytesBefore = arrived.bytes
    const answer = await session.command('F')
    // It does not know F: nothing to watch, nothing to tell.
    if (answer.kind === 'refused' && answers === 0) return pause(0, stop)
    if (answer.kind === 'done' && /^F[0-9A-Fa-f]{2}$/.test(answer.text)) {
      answers++
      const flags = Number.parseInt(answer.text.slice(1), 16)
      // The adapter does not say how many; at least one.
      if (flags & STATUS_LOSS) context.dropped('queue_full', 1)
      const { sent = 0, refused = 0 } = outgoing ?? {}
      context.device({ busState: stateOf(flags), ...(outgoing ? { sent, refused } : {}) })
      const onlyErrors = (flags & STATUS_BUS_ERROR) !== 0 && arrived.frames === framesBefore
      errors = onlyErrors ? errors + 1 : 0
      framesBefore = arrived.frames
      if (errors === MAX_BUS_ERRORS) throw wrongBitrate(config)
    }
    unanswered = arrived.bytes > bytesBefore ? 0 : unanswered + 1
    if (unanswered < MAX_UNANSWERED) continue
    if (answers === 0) return pause(0, stop)
    throw new SensorError('DEVICE_LOST', `The adapter on ${config.port} stopped answering.`, {
      hint: 'It is opened again by itself; if that does not help, unplug it and plug it in again.',
    })
  }
}

function stateOf(flags: number): string {
  if (flags & STATUS_PASSIVE) return 'error-passive'
  return flags & STATUS_WARNING ? 'error-warning' : 'error-active'
}

function wrongBitrate({ port, bitrate }: SlcanConfig): SensorError {
  return new SensorError(
    'DEVICE_PROTOCOL',
    `The adapter on ${port} has only errors on the bus at ${bitrate} bit/s.`,
    {
      hint: 'Set bitrate to that of the vehicle (500000 and 250000 are common, trucks have 250000 or 500000); then check wiring and termination.',
    },
  )
}
