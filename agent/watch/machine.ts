import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { freemem, loadavg, totalmem } from 'node:os'
import type { Part, PartContext } from '../part.ts'

const LOOK_MS = 10_000

/** The shape of `parts.machine` in a status. */
export interface MachineStatus {
  /** The disk of the data folder; 0 until first looked at, or where the system does not tell. */
  readonly diskFreeBytes: number
  readonly diskBytes: number
  readonly memoryFreeBytes: number
  readonly memoryBytes: number
  /** Load average over a minute. */
  readonly load: number
}

/** Room on the disk, memory and load of the machine that the agent is on. */
export function machinePart({ dataDir }: PartContext): Part {
  let disk = { free: 0, all: 0 }
  const look = async (): Promise<void> => {
    disk = await diskOf(dataDir).catch(() => disk)
  }
  void look()
  const timer = setInterval(() => void look(), LOOK_MS)
  return {
    name: 'machine',
    status: (): MachineStatus => ({
      diskFreeBytes: disk.free,
      diskBytes: disk.all,
      memoryFreeBytes: availableMemory(),
      memoryBytes: totalmem(),
      load: Math.round(loadavg()[0] * 100) / 100,
    }),
    stop: () => clearInterval(timer),
  }
}

/** Bytes that this user may still write, and all. */
export async function diskOf(path: string): Promise<{ free: number; all: number }> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { free: bavail * bsize, all: blocks * bsize }
}

/** Memory that programs can still have (proc(5), MemAvailable); what is free where that is not told. */
export function availableMemory(): number {
  try {
    const found = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))
    return found ? Number(found[1]) * 1024 : freemem()
  } catch {
    return freemem()
  }
}
