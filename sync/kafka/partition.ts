import { internal } from './fence.ts'

const murmur2 = internal<(key: string | Buffer) => number>('producer/partitioners/default/murmur2')

/** The partition that Java's producer, and so every other client, gives a key. */
export function javaPartition(key: string, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
