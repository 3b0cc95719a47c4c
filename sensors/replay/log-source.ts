import type { FrameBatch } from '../frame.ts'

/** Reads one format of log from bytes as they come; nothing is read ahead of what was asked for. */
export interface LogReader {
  /** What the log is, `candump` or `asc`; undefined while that is not known. */
  readonly format: string | undefined
  /** Frames delivered so far. */
  readonly frames: number
  /** Pieces of the log that are no frame. */
  readonly malformed: number
  /** Frames of interfaces for which `BusNames.indexOf` said no. */
  readonly unwanted: number
  /** Takes the next bytes, once `fill` has used up those before. Nobody may write to them again. */
  push(chunk: Uint8Array): void
  /** The log has ended: what is left comes with the next `fill`. */
  end(): void
  /**
   * Appends frames to the batch. True: the batch is full, and has to be emptied before the next call.
   * False: all bytes are used up; frames may be in the batch.
   */
  fill(batch: FrameBatch): boolean
}
