import { z } from 'zod'
import type { Inference } from '../../models/scorer.ts'
import { operation } from '../api/operation.ts'
import type { Part, PartContext } from '../part.ts'

/** Scores remembered for each model, in memory: ten minutes at one a second. */
const MAX_SCORES = 600
/** Models told apart. */
const MAX_MODELS = 16

/** What `parts.inferences` says of each model: its last inference. */
export type LastInferences = Readonly<Record<string, Inference>>

interface Track {
  last: Inference
  readonly timeUs: number[]
  readonly score: number[]
}

/** The last scores of each model, and what made up the last one. */
export function inferencesPart({ api, taps }: PartContext): Part {
  const tracks = new Map<string, Track>()
  const unwatch = taps.watch('last inferences', {
    inference(model, inference) {
      let track = tracks.get(model)
      if (!track) {
        if (tracks.size >= MAX_MODELS) return
        track = { last: inference, timeUs: [], score: [] }
        tracks.set(model, track)
      }
      track.last = inference
      track.timeUs.push(inference.timeUs)
      track.score.push(inference.score)
      if (track.score.length <= MAX_SCORES) return
      track.timeUs.shift()
      track.score.shift()
    },
  })
  api.add(
    operation({
      method: 'GET',
      path: '/inferences',
      role: 'read',
      summary: 'show the last scores of each model, and the contributors of the last one',
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(MAX_SCORES).default(120) }),
      answer: ({ query }) =>
        [...tracks].map(([model, { last, timeUs, score }]) => ({
          model,
          last,
          timeUs: timeUs.slice(-query.limit),
          score: score.slice(-query.limit),
        })),
    }),
  )
  return {
    name: 'inferences',
    status: (): LastInferences =>
      Object.fromEntries([...tracks].map(([model, { last }]) => [model, last])),
    stop: unwatch,
  }
}
