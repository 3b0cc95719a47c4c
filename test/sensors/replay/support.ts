import { FrameBatch } from '../../../sensors/frame.ts'
import { type BusNames, formatCandump } from '../../../sensors/replay/candump.ts'
import { readerFor } from '../../../sensors/replay/log-reader.ts'

/** Numbers interfaces in the order of their first sight. */
export class Names implements BusNames {
  readonly #names: string[] = []

  indexOf(name: string): number {
    const at = this.#names.indexOf(name)
    return at >= 0 ? at : this.#names.push(name) - 1
  }

  nameOf(index: number): string {
    return this.#names[index]
  }
}

/** All frames of a log, each written back as a line, and how many lines were none. */
export function readAll(
  chunks: Iterable<Uint8Array>,
  capacity = 512,
): { lines: string[]; malformed: number; frames: number } {
  const names = new Names()
  const reader = readerFor(names)
  const batch = new FrameBatch(capacity)
  const lines: string[] = []
  const take = (): void => {
    let more = true
    while (more) {
      more = reader.fill(batch)
      for (let i = 0; i < batch.count; i++) lines.push(formatCandump(batch, i, names))
      batch.count = 0
    }
  }
  for (const chunk of chunks) {
    reader.push(chunk)
    take()
  }
  reader.end()
  take()
  return { lines, malformed: reader.malformed, frames: reader.frames }
}
