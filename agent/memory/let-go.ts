import { readFileSync } from 'node:fs'
import koffi from 'koffi'

/** madvise(2): of a mapped file, pages leave this process and come back, unread by others, when touched. */
const MADV_DONTNEED = 4

/** A stretch of this process's memory. */
export interface Stretch {
  readonly address: bigint
  readonly bytes: number
}

interface Libc {
  madvise(address: bigint, bytes: number, advice: number): number
  trim(keepBytes: number): number
}

let libc: Libc | null | undefined

/**
 * Gives back to the system what a start needed and a running agent does not: free room in malloc's
 * arena, and pages of programs and libraries, half of which serve the start alone. What is still needed
 * of these comes back out of the page cache. Does nothing where the system is not Linux with glibc. It
 * holds up its thread for 6 to 10 ms (two cores, EPYC); buses are read by threads of their own.
 */
export function letGo(): void {
  libc ??= load()
  if (!libc) return
  libc.trim(0)
  for (const { address, bytes } of readOnlyFiles(readFileSync('/proc/self/smaps', 'latin1'))) {
    libc.madvise(address, bytes, MADV_DONTNEED)
  }
}

/**
 * Mappings of files that may be read or run and that nobody wrote to, by proc(5) `smaps`: what is in
 * them is what is in the file. One that was written to before it was closed for writing (relocations)
 * has anonymous pages, and stays.
 */
export function readOnlyFiles(smaps: string): Stretch[] {
  return smaps.split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/).flatMap((text): Stretch[] => {
    const head = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p [0-9a-f]+ \S+ [1-9]\d* +\//.exec(text)
    if (!head || !/^Anonymous: +0 kB$/m.test(text)) return []
    const [from, to] = [head[1], head[2]].map((hex) => BigInt(`0x${hex}`))
    return [{ address: from, bytes: Number(to - from) }]
  })
}

function load(): Libc | null {
  if (process.platform !== 'linux') return null
  try {
    const lib = koffi.load(null)
    return {
      madvise: lib.func('int madvise(uint64_t, size_t, int)') as unknown as Libc['madvise'],
      trim: lib.func('int malloc_trim(size_t)') as unknown as Libc['trim'],
    }
  } catch {
    // musl has no malloc_trim.
    return null
  }
}
