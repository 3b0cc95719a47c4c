/**
 * Where a repository of releases is read from: a web server, an S3 bucket, a folder (a USB stick).
 * A source only moves bytes: nothing that it says is believed, everything is checked by the client.
 */
export interface ReleaseSource {
  /** What a person knows it by: a URL or a folder. Holds no secret. */
  readonly name: string

  /**
   * Opens a file of the repository from byte `from` on. The bytes may end early, be wrong or never
   * end: the reader counts. Ending the iteration early closes the connection.
   * @param path relative to the repository, as `metadata/timestamp.json`
   * @throws ReleaseError `RELEASE_MISSING` when the source says that there is no such file,
   *   `RELEASE_SOURCE` when it cannot be reached or answers something else; rejects with the signal's
   *   reason once `signal` is aborted, also in the middle of the bytes
   */
  open(path: string, options: OpenOptions): Promise<SourceBytes>

  close(): Promise<void>
}

export interface OpenOptions {
  /** First byte wanted; a source that cannot do that starts at 0 and says so in its answer. */
  readonly from?: number
  readonly signal: AbortSignal
}

export interface SourceBytes {
  /** Where the bytes really begin, as the source says: `from`, or 0. */
  readonly from: number
  readonly bytes: AsyncIterable<Uint8Array>
}
