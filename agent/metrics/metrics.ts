import type { AgentStatus } from '../status.ts'
import type { MachineStatus } from '../watch/machine.ts'
import type { HealthReport } from '../watch/progress.ts'
import { counter, flag, gauge, type Metric, one } from './metric.ts'
import { READING_METRICS } from './reading-metrics.ts'
import { SYNC_METRICS } from './sync-metrics.ts'

function part<T>(status: AgentStatus, name: string): T | undefined {
  return status.parts[name] as T | undefined
}

/** Every metric of an agent, as `GET /metrics` tells them and the reference lists them. */
export const METRICS: readonly Metric[] = [
  gauge('info', 'Always 1; what runs where.', ['vehicle', 'version'], ({ vehicle, version }) => [
    { labels: { vehicle, version }, value: 1 },
  ]),
  gauge('up_seconds', 'Since the agent started.', [], ({ nowUs, startedUs }) =>
    one((nowUs - startedUs) / 1e6),
  ),
  gauge('healthy', '1 while every thread makes progress, as /healthz.', [], (status) =>
    one(flag(part<HealthReport>(status, 'progress')?.healthy ?? true)),
  ),
  gauge('clock_set', '1 where the wall clock can be believed.', [], ({ clock }) =>
    one(flag(clock !== 'unsynced')),
  ),
  gauge('resident_memory_bytes', 'Memory of the process.', [], ({ memoryBytes }) =>
    one(memoryBytes),
  ),
  ...READING_METRICS,
  ...SYNC_METRICS,
  gauge('disk_free_bytes', 'Room on the disk of the data folder.', [], (status) =>
    one(part<MachineStatus>(status, 'machine')?.diskFreeBytes ?? 0),
  ),
  gauge('memory_free_bytes', 'Memory that programs of the machine can still have.', [], (status) =>
    one(part<MachineStatus>(status, 'machine')?.memoryFreeBytes ?? 0),
  ),
  gauge('history_bytes', 'The ring of readings on the disk.', [], (status) =>
    one(part<{ bytes: number }>(status, 'history')?.bytes ?? 0),
  ),
  counter('history_written_bytes', 'Sent to the disk by the ring of readings.', [], (status) =>
    one(part<{ writtenBytes: number }>(status, 'history')?.writtenBytes ?? 0),
  ),
  gauge('live_streams', 'Live views that are open.', [], (status) =>
    one(part<{ streams: number }>(status, 'live')?.streams ?? 0),
  ),
  counter('faults', 'Parts that threw where nothing may throw.', ['cause'], ({ faults }) =>
    faults.map(({ cause, count }) => ({ labels: { cause }, value: count })),
  ),
]
