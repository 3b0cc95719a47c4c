import { livePart } from './api/operations/live.ts'
import { healthPart } from './health.ts'
import type { StartPart } from './part.ts'
import { relayPart } from './relay.ts'
import { timePart } from './time/time-watch.ts'

/** Every part of the agent, in the order of their start; they are stopped in reverse. */
export const PARTS: readonly StartPart[] = [livePart, timePart, relayPart, healthPart]
