// What long runs tell as JSON, as rows like those of a bench. Their peer is what was promised or asked.
import { z } from 'zod'
import type { RecordedRow } from './recorded.ts'

const count = z.number().nonnegative()
const lossSchema = z.object({ missing: count, duplicated: count, outOfOrder: count })

/** Beside what was asked for: the more the better. */
function asked(name: string, unit: string, ours: number, theirs: number): RecordedRow {
  return { name, unit, ours, peer: 'asked for', theirs, ratio: ours / theirs }
}

/** Beside the promise that there are none. */
function none(name: string, ours: number): RecordedRow {
  return { name, unit: 'records', ours, peer: 'promised', theirs: 0, ratio: ours === 0 ? 1 : 0 }
}

/** A figure that has no other beside it. */
function alone(name: string, unit: string, ours: number): RecordedRow {
  return { name, unit, ours, peer: '', theirs: null, ratio: null }
}

function total(epochs: readonly z.infer<typeof lossSchema>[]): z.infer<typeof lossSchema> {
  const sum = (of: keyof z.infer<typeof lossSchema>): number =>
    epochs.reduce((all, epoch) => all + epoch[of], 0)
  return {
    missing: sum('missing'),
    duplicated: sum('duplicated'),
    outOfOrder: sum('outOfOrder'),
  }
}

function losses(of: z.infer<typeof lossSchema>): RecordedRow[] {
  return [
    none('records lost', of.missing),
    none('records duplicated', of.duplicated),
    none('records out of order', of.outOfOrder),
  ]
}

/** The busiest: one of them is the limit, or none is. */
const THREADS = 4

const fleetSchema = lossSchema.extend({
  vehicles: count,
  connections: count,
  askedPerSec: count,
  records: count,
  inKafka: count,
  confirmedPerSec: count,
  forwardedPerSec: count,
  confirmP50Ms: count,
  confirmP99Ms: count,
  busy: count,
  others: count,
  idle: count,
  threads: z.array(z.object({ thread: z.string(), ran: count, waited: count })),
  cpuUs: z.record(z.string(), count),
  tieredSegments: count.optional(),
  named: z.string(),
})

/** `milepost fleet simulate --json`. */
export function fleetRows(output: unknown): RecordedRow[] {
  const run = fleetSchema.parse(output)
  const cpu = Object.entries(run.cpuUs).sort(([, a], [, b]) => b - a)
  return [
    asked('records confirmed to their vehicles', 'records/s', run.confirmedPerSec, run.askedPerSec),
    asked('records in Kafka', 'records/s', run.forwardedPerSec, run.askedPerSec),
    asked('records read back from Kafka', 'records', run.inKafka, run.records),
    ...losses(run),
    alone('connections that carried them', 'sockets', run.connections),
    alone('confirmed within, half of them', 'ms', run.confirmP50Ms),
    alone('confirmed within, 99 of 100', 'ms', run.confirmP99Ms),
    ...cpu.map(([part, us]) => alone(`processor time, ${part}`, 'µs/record', us)),
    alone('processors: had by these parts', '%', run.busy * 100),
    alone('processors: had by other programs', '%', run.others * 100),
    alone('processors: idle', '%', run.idle * 100),
    ...run.threads
      .slice(0, THREADS)
      .map(({ thread, ran, waited }) =>
        alone(`thread ${thread} ran, or was ready to`, '% of the time', (ran + waited) * 100),
      ),
    alone(`the limit: ${run.named}`, '', run.forwardedPerSec),
    ...(run.tieredSegments === undefined
      ? []
      : [alone('segments in the object store at the end', 'segments', run.tieredSegments)]),
  ]
}

const killsSchema = z.object({
  kills: count,
  cuts: count,
  brokerStops: count,
  brokerKills: count,
  account: z.object({ records: count, epochs: z.array(lossSchema) }),
})

/** `npm run test:faults -- --json`. */
export function killsRows(output: unknown): RecordedRow[] {
  const { account, kills, cuts, brokerStops, brokerKills } = killsSchema.parse(output)
  return [
    alone('agents killed', 'times', kills),
    alone('links cut', 'times', cuts),
    alone('broker stopped or killed', 'times', brokerStops + brokerKills),
    alone('records in Kafka', 'records', account.records),
    ...losses(total(account.epochs)),
  ]
}

const soakSchema = z.object({
  troubles: z.record(z.string(), count),
  trends: z.array(z.object({ what: z.string(), unit: z.string(), before: count, after: count })),
  account: z.object({ records: count, epochs: z.array(lossSchema) }),
})

/** `npm run test:soak -- --json`. What grew has its value after the warm-up beside it. */
export function soakRows(output: unknown): RecordedRow[] {
  const { account, troubles, trends } = soakSchema.parse(output)
  return [
    ...Object.entries(troubles).map(([trouble, times]) => alone(trouble, 'times', times)),
    alone('records in Kafka', 'records', account.records),
    ...losses(total(account.epochs)),
    ...trends.map(({ what, unit, before, after }) => ({
      name: `${what} at the end`,
      unit,
      ours: after,
      peer: 'after the warm-up',
      theirs: before,
      ratio: before === 0 ? null : after / before,
    })),
  ]
}
