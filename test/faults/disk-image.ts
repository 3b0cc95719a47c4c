import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { TYPESCRIPT } from '../support/typescript.ts'

/** One thing that was done to a file, as `trace.c` wrote it down. */
export interface Op {
  /** Write, truncate, allocate, sync. */
  readonly kind: 'w' | 't' | 'a' | 's'
  readonly name: string
  readonly offset: number
  readonly data: Buffer
}

/** Bytes that a disk writes whole or not at all. */
const SECTOR_BYTES = 512

/** Starts a program whose doings in the folder `work` are written down by `trace.c`; its own files go to `folder`. */
export function spawnTraced(
  folder: string,
  work: string,
  program: readonly string[],
): { child: ChildProcess; trace: string } {
  const library = join(folder, 'trace.so')
  const source = join(import.meta.dirname, 'trace.c')
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  const trace = join(folder, 'trace')
  const child = spawn(process.execPath, [...TYPESCRIPT, ...program], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, LD_PRELOAD: library, TRACE_FILE: trace, TRACE_FOLDER: work },
  })
  return { child, trace }
}

export function opsOf(trace: Buffer): Op[] {
  const ops: Op[] = []
  for (let at = 0; at + 14 <= trace.length; ) {
    const kind = String.fromCharCode(trace[at]) as Op['kind']
    const start = at + 14 + trace[at + 1]
    const end = start + trace.readUInt32LE(at + 10)
    if (end > trace.length) break
    const offset = Number(trace.readBigUInt64LE(at + 2))
    ops.push({
      kind,
      name: trace.toString('latin1', at + 14, start),
      offset,
      data: trace.subarray(start, end),
    })
    at = end
  }
  return ops
}

/**
 * What a disk holds of one file: what was synced for sure; what came after in any part, sector by
 * sector, in any order.
 */
export class FileImage {
  #synced: Buffer<ArrayBuffer>
  #later: Op[] = []

  /** A new file, or one that was there before. */
  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#synced = Buffer.from(bytes)
  }

  do(op: Op): void {
    this.#later.push(op)
    if (op.kind !== 's') return
    for (const each of this.#later) this.#synced = applied(this.#synced, each, () => true)
    this.#later = []
  }

  /** A process that is killed loses nothing of what it had written. */
  afterKill(): Buffer {
    return this.#later.reduce((bytes, op) => applied(bytes, op, () => true), this.#synced)
  }

  /** How much of what came after the last sync arrived is for `random` to say. */
  afterPowerCut(random: () => number): Buffer {
    const chance = random()
    // From nothing of it to all of it.
    const arrives = () => random() < chance
    let bytes = resized(this.#synced, this.#synced.length)
    for (const op of this.#later) {
      if (op.kind === 'w' || arrives()) bytes = applied(bytes, op, arrives)
    }
    return bytes
  }
}

function applied(bytes: Buffer<ArrayBuffer>, op: Op, arrives: () => boolean): Buffer<ArrayBuffer> {
  const { kind, offset, data } = op
  if (kind === 's') return bytes
  if (kind === 't') return resized(bytes, offset)
  if (kind === 'a') return resized(bytes, Math.max(bytes.length, offset))
  let result = bytes
  for (let from = 0; from < data.length; ) {
    const to = Math.min(data.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES))
    if (arrives()) {
      if (result.length < offset + to) result = resized(result, offset + to)
      data.copy(result, offset + from, from, to)
    }
    from = to
  }
  return result
}

function resized(bytes: Buffer, size: number): Buffer<ArrayBuffer> {
  const result = Buffer.alloc(size)
  bytes.copy(result)
  return result
}
