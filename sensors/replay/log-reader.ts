import type { FrameBatch } from '../frame.ts'
import { type BusNames, CandumpReader } from './candump.ts'

/** Reads one format of log from bytes as they come. */
export interface LogReader {
  /** Frames delivered so far. */
  readonly frames: number
  /** Pieces of the log that are no frame. */
  readonly malformed: number
  /**
   * Takes the next bytes. Calls `full` when the batch is full, and empties it after that; frames may
   * remain in the batch afterwards.
   */
  feed(chunk: Uint8Array, batch: FrameBatch, full: (batch: FrameBatch) => void): void
  /** The log has ended: hands over what is left. */
  end(batch: FrameBatch, full: (batch: FrameBatch) => void): void
}

/** The reader for a log; a further format is told by its name or its first bytes, here. */
export function readerFor(_file: string, buses: BusNames): LogReader {
  return new CandumpReader(buses)
}
