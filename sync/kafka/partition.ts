import { internal } from './fence.ts'

const murmur2 = internal<(key: string | Buffer) => number>('producer/partitioners/default/murmur2')

/** More than the vehicles of a depot; then it begins anew. */
const MAX_KNOWN = 200_000
const hashes = new Map<string, number>()

/** The partition that Java's producer, and so every other client, gives a key. */
export function javaPartition(key: string, partitions: number): number {
  let hash = hashes.get(key)
  if (hash === undefined) {
    if (hashes.size >= MAX_KNOWN) hashes.clear()
    hash = murmur2(key) & 0x7fffffff
    hashes.set(key, hash)
  }
  return hash % partitions
}
