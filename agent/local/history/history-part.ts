import { z } from 'zod'
import { operation } from '../../api/operation.ts'
import { nameMatcher } from '../../collection/match.ts'
import { Watched } from '../../collection/watched.ts'
import { AgentError } from '../../error.ts'
import type { Part, PartContext } from '../../part.ts'
import { WriteBudget } from './budget.ts'
import { queryHistory } from './query.ts'
import { Recorder } from './recorder.ts'

const TICK_MS = 1_000
/** Questions at a time; each reads some MiB of files. */
const MAX_ASKING = 2
const DEFAULT_SPAN_US = 600e6
const MINUTE_US = 60e6

const historyQuery = z.strictObject({
  /** Names of signals with commas between them, `*` for any run of characters. */
  signal: z.string().max(4_000).default('*'),
  /** Microseconds since the epoch; the last ten minutes by default. */
  fromUs: z.coerce.number().optional(),
  toUs: z.coerce.number().optional(),
  points: z.coerce.number().int().min(2).max(5_000).default(600),
})

/** Remembers the last hours of readings on the disk. */
export function historyPart(context: PartContext): Part | undefined {
  const { config, clock, catalog, taps, api, caught, dataDir } = context
  const { enabled, maxMiB, maxMiBPerHour, fullMinutes, secondsHours, tensHours, signals } =
    config.history
  if (!enabled) return undefined
  const budget = new WriteBudget(maxMiBPerHour * 2 ** 20, () => clock.monoUs())
  const recorder = opened(context, budget, {
    maxBytes: maxMiB * 2 ** 20,
    spansUs: {
      full: fullMinutes * MINUTE_US,
      '1s': secondsHours * 60 * MINUTE_US,
      '10s': tensHours * 60 * MINUTE_US,
    },
  })
  const watched = new Watched(catalog, signals)
  const unwatch = taps.watch('history', {
    readings(batch) {
      if (!recorder) return
      const slots = watched.slots()
      recorder.reserve(catalog.size)
      recorder.add(batch, slots)
    },
  })
  const timer = setInterval(() => {
    try {
      recorder?.tick(clock.nowUs())
    } catch (error) {
      caught('history', error)
    }
  }, TICK_MS)
  let asking = 0
  api.add(
    operation({
      method: 'GET',
      path: '/history',
      role: 'read',
      summary: 'tell what signals did between two times, from the ring on the disk',
      query: historyQuery,
      answer: async ({ query }) => {
        const toUs = query.toUs ?? clock.nowUs()
        const fromUs = query.fromUs ?? toUs - DEFAULT_SPAN_US
        if (!(fromUs < toUs)) throw new AgentError('BAD_REQUEST', 'fromUs is not before toUs.')
        if (asking >= MAX_ASKING) {
          throw new AgentError('BUSY', 'History is being read for others; ask again.')
        }
        asking++
        try {
          const wanted = nameMatcher(query.signal.split(','))
          const { points } = query
          const waiting = recorder?.waiting()
          return await queryHistory({ dataDir, wanted, fromUs, toUs, points, waiting })
        } finally {
          asking--
        }
      },
    }),
  )
  return {
    name: 'history',
    status: () => ({
      bytes: recorder?.bytes ?? 0,
      writtenBytes: budget.writtenBytes,
      written: recorder?.written ?? 0,
      thinned: recorder?.thinned ?? 0,
      dropped: recorder?.dropped ?? 0,
      fullEveryMs: budget.everyUs / 1000,
    }),
    stop: async () => {
      unwatch()
      clearInterval(timer)
      await recorder?.close()
    },
  }
}

/** A disk that takes no history must not keep a vehicle from working. */
function opened(
  { dataDir, catalog, caught }: PartContext,
  budget: WriteBudget,
  limits: Pick<ConstructorParameters<typeof Recorder>[0], 'maxBytes' | 'spansUs'>,
): Recorder | undefined {
  const failed = (error: unknown): void => caught('history', error)
  try {
    return new Recorder({
      dataDir,
      budget,
      ...limits,
      signalAt: (index) => catalog.at(index),
      failed,
    })
  } catch (error) {
    failed(error)
    return undefined
  }
}
