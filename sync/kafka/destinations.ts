import type { Admin } from 'kafkajs'
import { SyncError } from '../errors.ts'
import { LANES, type Lane } from '../record.ts'
import { answerOf, syncErrorOf } from './failure.ts'
import { javaPartition } from './partition.ts'
import type { LanePosition } from './positions.ts'

/** Where a lane goes; `partition` is undefined where each record's own vehicle decides. */
export interface Destination {
  readonly topic: string
  /** Partitions of the topic when the epoch began. */
  readonly partitions: number
  readonly partition: number | undefined
}

const NOT_ALLOWED = new Set(['TOPIC_AUTHORIZATION_FAILED', 'OPERATION_NOT_ATTEMPTED'])

/** How many partitions each topic has, or why it cannot be used. */
export async function lookForTopics(
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, number | SyncError>> {
  const names = [...new Set(topics)]
  try {
    const { topics: found } = await admin.fetchTopicMetadata({ topics: names })
    return new Map(found.map(({ name, partitions }) => [name, partitions.length]))
  } catch (error) {
    const failure = topicFailure(error, names.join(', '))
    if (failure.code === 'UPLINK_OFFLINE') throw failure
    if (names.length === 1) return new Map([[names[0], failure]])
  }
  // kafkajs answers for all of them with the first that fails.
  const found = new Map<string, number | SyncError>()
  for (const name of names) {
    for (const [topic, answer] of await lookForTopics(admin, [name])) found.set(topic, answer)
  }
  return found
}

/** A failure that has to do with these topics; `UPLINK_TOPIC_…` where it is theirs alone. */
export function topicFailure(error: unknown, topics: string, doing = 'Looking for'): SyncError {
  const failure = syncErrorOf(error, `${doing} ${topics}`)
  const { code, hint } = failure
  if (code === 'UPLINK_TOPIC_MISSING') {
    return new SyncError(code, `The cluster has no topic ${topics}`, { cause: error, hint })
  }
  // Of several partitions the first is named, which may be one that was not even looked at.
  if (!NOT_ALLOWED.has(answerOf(error) ?? '')) return failure
  return new SyncError('UPLINK_TOPIC_DENIED', `This user may not write to ${topics}`, {
    cause: error,
    hint: `Give this user Write and Describe on the topic (sync/kafka/README.md lists the rights).`,
  })
}

/**
 * A lane keeps to the partition in which its epoch began, even when the topic is given more of them:
 * records that went on elsewhere would overtake those that nobody has read yet. A relay keeps to the
 * number of partitions instead, for each of its vehicles has another one.
 */
export function destinationOf(
  topic: string,
  count: number,
  kept: LanePosition | undefined,
  vehicle: string | undefined,
): Destination {
  const partition = kept?.partition
  if (vehicle === undefined) {
    const partitions = partition !== undefined && partition <= count ? partition : count
    return { topic, partitions, partition: undefined }
  }
  const stays = partition !== undefined && partition < count
  return {
    topic,
    partitions: count,
    partition: stays ? partition : javaPartition(vehicle, count),
  }
}

/** Says that a request was answered for every partition it had records for. */
export function requireAnswers(
  sent: readonly { topic: string; messages: readonly { partition: number }[] }[],
  answers: readonly { topicName: string; partition: number }[],
): void {
  const answered = new Set(answers.map(({ topicName, partition }) => `${topicName} ${partition}`))
  for (const { topic, messages } of sent) {
    for (const { partition } of messages) {
      if (answered.has(`${topic} ${partition}`)) continue
      throw new SyncError('UPLINK_TOPIC_MISSING', `Topic ${topic} has no partition ${partition}`, {
        hint: 'The topic was made anew with fewer partitions; the lane goes to one that is there at its next try.',
      })
    }
  }
}

/** For each lane its position's place on the checkpoint topic, or why it has none. */
export function missingCheckpoints(topic: string, count: number): Map<Lane, SyncError> {
  const refusals = new Map<Lane, SyncError>()
  for (const [index, lane] of LANES.entries()) {
    if (index < count) continue
    const message = `Topic ${topic} has no partition ${index} for the lane ${lane}`
    const hint = `Give ${topic} ${LANES.length} partitions; it stays empty.`
    refusals.set(lane, new SyncError('UPLINK_TOPIC_MISSING', message, { hint }))
  }
  return refusals
}
