/** The far end of a serial line, as a simulated device holds it. */
export interface Wire {
  /** Resolves when the bytes are with the line. */
  write(bytes: Uint8Array | string): Promise<void>
  /** Sets who gets what the other side writes. */
  onData(listener: (chunk: Uint8Array) => void): void
}
