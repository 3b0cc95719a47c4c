import { livePart } from './api/operations/live.ts'
import type { LoadedConfig } from './config/load.ts'
import { doctorPart } from './doctor/doctor-part.ts'
import { eventsPart } from './local/events-part.ts'
import { historyPart } from './local/history/history-part.ts'
import { memoryPart } from './memory/memory-part.ts'
import { metricsPart } from './metrics/metrics-part.ts'
import type { StartPart } from './part.ts'
import { supportPart } from './support/support-part.ts'
import { servicePart } from './systemd/service-part.ts'
import { timePart } from './time/time-watch.ts'
import { troubleCodesPart } from './trouble-codes/trouble-codes-part.ts'
import { inferencesPart } from './watch/inferences.ts'
import { machinePart } from './watch/machine.ts'
import { ratesPart } from './watch/rates.ts'
import { wayOutPart } from './watch/way-out.ts'

/**
 * A part whose code is loaded only where the config has its section: the libraries of the page and of the
 * updates take more memory than all the rest.
 */
function asked(section: keyof LoadedConfig, load: () => Promise<StartPart>): StartPart {
  return async (context) => (context.config[section] ? (await load())(context) : undefined)
}

/** Every part of the agent, in the order of their start; they are stopped in reverse. */
// biome-ignore format: one line a part
export const PARTS: readonly StartPart[] = [
  wayOutPart,
  eventsPart,
  historyPart,
  livePart,
  ratesPart,
  machinePart,
  memoryPart,
  inferencesPart,
  troubleCodesPart,
  doctorPart,
  supportPart,
  metricsPart,
  timePart,
  asked('relay', async () => (await import('./relay.ts')).relayPart),
  asked('health', async () => (await import('./health.ts')).healthPart),
  asked('web', async () => (await import('./web/web-part.ts')).webPart),
  asked('updates', async () => (await import('./updates/part.ts')).updatesPart),
  servicePart,
]
