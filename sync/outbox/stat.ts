import type { Lane } from '../record.ts'
import type { Shelf } from './shelf.ts'
import { sizeOf } from './size-of.ts'

export interface LaneStat {
  /** Records that are not yet on the other side, and the bytes of their payloads. */
  readonly records: number
  readonly bytes: number
  /** Wall time of the oldest of them, microseconds; 0 where there is none. */
  readonly oldestTimeUs: number
  readonly lastSeq: number
  readonly ackedSeq: number
  /** Since the file was born: lost after they had a `seq`, and before they could have one. */
  readonly evicted: number
  readonly dropped: number
}

export interface OutboxStat {
  readonly path: string
  readonly vehicle: string
  readonly epoch: string
  readonly seq: number
  readonly lanes: Record<Lane, LaneStat>
  /** Database and write-ahead log as they lie on the disk. */
  readonly fileBytes: number
  readonly walBytes: number
  /** Records that the other side refused, kept for a look. */
  readonly deadRecords: number
  /** Records of a damaged file are still being taken over. */
  readonly salvaging: boolean
}

/** What the counters and the first rows of the lanes say. */
export function shelfStat(shelf: Shelf): Pick<OutboxStat, 'lanes'> {
  const lane = (name: Lane): LaneStat => {
    const counters = shelf.counters.lanes[name]
    return {
      records: counters.records - counters.ackedRecords,
      bytes: counters.bytes - counters.ackedBytes,
      oldestTimeUs: shelf.tables[name].first(counters.ackedSeq)?.timeUs ?? 0,
      lastSeq: counters.lastSeq,
      ackedSeq: counters.ackedSeq,
      evicted: counters.evicted,
      dropped: counters.dropped,
    }
  }
  return {
    lanes: { critical: lane('critical'), events: lane('events'), telemetry: lane('telemetry') },
  }
}

/** What the disk says. */
export function fileStat(path: string): Pick<OutboxStat, 'fileBytes' | 'walBytes'> {
  const walBytes = sizeOf(`${path}-wal`)
  return { fileBytes: sizeOf(path) + walBytes, walBytes }
}
