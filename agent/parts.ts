import { livePart } from './api/operations/live.ts'
import { healthPart } from './health.ts'
import { eventsPart } from './local/events-part.ts'
import type { StartPart } from './part.ts'
import { relayPart } from './relay.ts'
import { timePart } from './time/time-watch.ts'
import { webPart } from './web/web-part.ts'

/** Every part of the agent, in the order of their start; they are stopped in reverse. */
// biome-ignore format: one line a part
export const PARTS: readonly StartPart[] = [
  eventsPart,
  livePart,
  timePart,
  relayPart,
  healthPart,
  webPart,
]
