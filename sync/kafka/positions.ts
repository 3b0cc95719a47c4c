import type { Admin } from 'kafkajs'
import { LANES, type Lane, type Origin } from '../record.ts'
import type { Positions } from '../uplink.ts'

/** How far a lane got, and the partition of its topic that it keeps to. */
export interface LanePosition {
  readonly seq: number
  readonly partition: number
  /** Of the record with this `seq`, see `tipOf`. */
  readonly tip?: string
}

/**
 * The positions of a vehicle's lanes are the committed offsets of this group on the checkpoint topic
 * (partition = index of the lane). Nothing is ever written to that topic and nobody joins the group.
 */
export function groupOf(vehicle: string): string {
  return `milepost.${vehicle}`
}

/**
 * Goes with each offset as its metadata, which the broker keeps and never reads: `seq` only means
 * something inside its epoch, so a position of another epoch must not be taken for ours.
 */
interface Metadata {
  readonly epoch: string
  readonly partition: number
  readonly tip?: string
}

/** Asks for the positions of this epoch; lanes that it has none of are absent. */
export async function fetchPositions(
  admin: Admin,
  checkpointTopic: string,
  { vehicle, epoch }: Origin,
): Promise<Map<Lane, LanePosition>> {
  const [topic] = await admin.fetchOffsets({ groupId: groupOf(vehicle), topics: [checkpointTopic] })
  const found = new Map<Lane, LanePosition>()
  for (const [index, lane] of LANES.entries()) {
    const committed = topic?.partitions.find(({ partition }) => partition === index)
    if (!committed) continue
    const seq = Number(committed.offset)
    const metadata = parseMetadata(committed.metadata)
    if (seq > 0 && metadata?.epoch === epoch) {
      const { partition, tip } = metadata
      found.set(lane, { seq, partition, ...(tip && { tip }) })
    }
  }
  return found
}

/** The offsets that say so, for `sendOffsets`. */
export function offsetsOf(
  checkpointTopic: string,
  epoch: string,
  positions: ReadonlyMap<Lane, LanePosition>,
): { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[] {
  const partitions = [...positions].map(([lane, { seq, partition, tip }]) => ({
    partition: LANES.indexOf(lane),
    offset: String(seq),
    metadata: JSON.stringify({ epoch, partition, ...(tip && { tip }) } satisfies Metadata),
  }))
  return [{ topic: checkpointTopic, partitions }]
}

export function toPositions(positions: ReadonlyMap<Lane, LanePosition>): Positions {
  const seq = (lane: Lane) => positions.get(lane)?.seq ?? 0
  return { critical: seq('critical'), events: seq('events'), telemetry: seq('telemetry') }
}

export function tipsOf(positions: ReadonlyMap<Lane, LanePosition>): Map<Lane, string> {
  return new Map([...positions].flatMap(([lane, { tip }]) => (tip ? [[lane, tip] as const] : [])))
}

function parseMetadata(text: string | null): Metadata | undefined {
  try {
    const metadata = JSON.parse(text ?? '') as Metadata
    return Number.isInteger(metadata.partition) ? metadata : undefined
  } catch {
    return undefined
  }
}
