import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from '../cluster.ts'

/**
 * Longest wait for transactions that others have open; one may be hung for a minute. The markers of a
 * commit are milliseconds away, on a broker that is starved or stalls seconds.
 */
const DEFAULT_SETTLE_TIMEOUT_MS = 10_000
const ASK_EVERY_MS = 20

/** Ends of partitions, by their numbers. */
export interface Ends {
  /** Before it everything is committed or aborted for good. */
  readonly stable: ReadonlyMap<number, number>
  /** What the log held when it was asked; above `stable` where a transaction stayed open. */
  readonly written: ReadonlyMap<number, number>
}

/**
 * The last stable offset of each partition, no earlier than what a producer was told of: a commit is
 * answered when the coordinator has decided it, and the markers reach the partitions a little later
 * (KIP-98, 5.2), so whoever reads what was just sent would find nothing. Waits until the stable
 * offset has passed what the log held when this was called; where a transaction stays open, no
 * longer than that: `written` then says how far the log goes on behind it.
 */
export async function settledEnds(
  cluster: Cluster,
  topic: string,
  partitions: readonly { partition: number }[],
  {
    signal,
    settleTimeoutMs = DEFAULT_SETTLE_TIMEOUT_MS,
  }: { signal?: AbortSignal; settleTimeoutMs?: number },
): Promise<Ends> {
  const ask = async (from: Cluster) => {
    const asked = { topic, partitions: [...partitions], fromBeginning: false }
    const [answer] = await from.fetchTopicsOffset([asked])
    return new Map(answer.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }
  const written = await ask(uncommitted(cluster))
  const until = performance.now() + settleTimeoutMs
  for (;;) {
    const stable = await ask(cluster)
    const behind = [...written].some(([partition, end]) => (stable.get(partition) ?? 0) < end)
    if (!behind || performance.now() >= until) return { stable, written }
    await sleep(ASK_EVERY_MS, undefined, { signal })
  }
}

/** The same cluster, asked for what is written: kafkajs knows one isolation level for each. */
export function uncommitted(cluster: Cluster): Cluster {
  return Object.create(cluster, { isolationLevel: { value: 0 } })
}
