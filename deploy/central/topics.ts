import type { TopicSpec } from '../../sync/kafka/admin.ts'

/**
 * `default`: retention for a fleet. `demo`: segments so small and short-lived that they are in the
 * object store, and gone from the broker's disk, within seconds.
 */
export type TopicProfile = 'default' | 'demo'

const MB = 1024 * 1024
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Kafka's word for "keep for ever". */
const FOREVER = -1

interface Retention {
  /** How long the broker keeps a segment after the tier has it. */
  readonly localMs: number
  /** How long the tier keeps it; with the local one it is the history's whole length. */
  readonly remoteMs: number
}

const LANES: Readonly<Record<'critical' | 'events' | 'telemetry', Retention>> = {
  critical: { localMs: 7 * DAY_MS, remoteMs: FOREVER },
  events: { localMs: 3 * DAY_MS, remoteMs: 5 * 365 * DAY_MS },
  telemetry: { localMs: DAY_MS, remoteMs: 2 * 365 * DAY_MS },
}

/** The configuration of a topic whose history leaves for the object store. */
export function tieredConfig(profile: TopicProfile, retention: Retention): Record<string, string> {
  const demo = profile === 'demo'
  return stringValues({
    'remote.storage.enable': true,
    'retention.ms': demo ? FOREVER : retention.remoteMs,
    'local.retention.ms': demo ? 1_000 : retention.localMs,
    // Only a closed segment can leave: after so many bytes or so long, whichever comes first.
    'segment.bytes': demo ? MB : 64 * MB,
    'segment.ms': demo ? 5_000 : HOUR_MS,
    'file.delete.delay.ms': demo ? 1_000 : 60_000,
  })
}

/** The topics that milepost uses; `partitions` is that of the lanes' topics. */
export function milepostTopics(profile: TopicProfile = 'default', partitions = 3): TopicSpec[] {
  const lanes = Object.entries(LANES).map(([lane, retention]) => ({
    topic: `milepost.${lane}`,
    partitions,
    config: tieredConfig(profile, retention),
  }))
  return [
    ...lanes,
    // One partition a lane. Nothing is ever written to it: vehicles keep their positions as offsets
    // of it (sync/kafka), for which it has to exist.
    { topic: 'milepost.checkpoints', partitions: 3, config: {} },
    // The last word of each vehicle. A compacted topic cannot be tiered.
    { topic: 'milepost.status', partitions, config: { 'cleanup.policy': 'compact' } },
  ]
}

function stringValues(values: Record<string, string | number | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]))
}
