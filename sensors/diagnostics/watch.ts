import type { SensorContext } from '../sensor.ts'
import { pause } from '../wait.ts'
import type { RequestClient } from './client.ts'
import type { Poller } from './poller.ts'

/** How often it is looked whether the vehicle still answers, and what `status` shows is renewed. */
const WATCH_MS = 500

/**
 * A look that comes later says that this process stood still, not that the vehicle was silent: it counts
 * as no more than this.
 */
const MOST_US = 2 * WATCH_MS * 1000

/**
 * Shows in `status` how each ECU is; rejects with `lost()` when one is silent and none has answered for
 * `lostAfterMs`: the ignition is off, or the plug is out. Who is not asked is not called silent.
 */
export async function watchPollers(
  context: SensorContext,
  pollers: readonly Poller[],
  lostAfterMs: number,
  signal: AbortSignal,
  words: {
    client(i: number): Pick<RequestClient, 'stray' | 'strayFrames'>
    note(i: number): string
    lost(): Error
  },
): Promise<void> {
  const { clock } = context
  let [lookedUs, heardUs, quietUs] = [clock.monoUs(), 0, 0]
  while (!signal.aborted) {
    const facts: Record<string, number | string> = { ecus: pollers.length }
    pollers.forEach((poller, i) => {
      const { asked, unanswered, broken, answerMs, silent } = poller.status()
      facts[poller.ecu] =
        `${asked} asked, ${unanswered} unanswered (${broken} broken off), ${answerMs} ms` +
        `${silent ? ', silent' : ''}${straysOf(words.client(i))}${words.note(i)}`
    })
    context.device(facts)
    await pause(WATCH_MS, signal)
    if (signal.aborted) return
    const [nowUs, latestUs] = [clock.monoUs(), Math.max(...pollers.map((one) => one.heardMonoUs))]
    const answered = latestUs > heardUs || !pollers.some((poller) => poller.status().silent)
    quietUs = answered ? 0 : quietUs + Math.min(nowUs - lookedUs, MOST_US)
    lookedUs = nowUs
    heardUs = latestUs
    if (quietUs > lostAfterMs * 1000) throw words.lost()
  }
}

function straysOf({ stray, strayFrames }: Pick<RequestClient, 'stray' | 'strayFrames'>): string {
  return stray + strayFrames > 0 ? `, ${stray} stray answers, ${strayFrames} stray frames` : ''
}
