import { livePart } from './api/operations/live.ts'
import { doctorPart } from './doctor/doctor-part.ts'
import { healthPart } from './health.ts'
import { eventsPart } from './local/events-part.ts'
import { historyPart } from './local/history/history-part.ts'
import { metricsPart } from './metrics/metrics-part.ts'
import type { StartPart } from './part.ts'
import { relayPart } from './relay.ts'
import { supportPart } from './support/support-part.ts'
import { servicePart } from './systemd/service-part.ts'
import { timePart } from './time/time-watch.ts'
import { troubleCodesPart } from './trouble-codes/trouble-codes-part.ts'
import { updatesPart } from './updates/part.ts'
import { inferencesPart } from './watch/inferences.ts'
import { machinePart } from './watch/machine.ts'
import { ratesPart } from './watch/rates.ts'
import { webPart } from './web/web-part.ts'

/** Every part of the agent, in the order of their start; they are stopped in reverse. */
// biome-ignore format: one line a part
export const PARTS: readonly StartPart[] = [
  eventsPart,
  historyPart,
  livePart,
  ratesPart,
  machinePart,
  inferencesPart,
  troubleCodesPart,
  doctorPart,
  supportPart,
  metricsPart,
  timePart,
  relayPart,
  healthPart,
  webPart,
  updatesPart,
  servicePart,
]
