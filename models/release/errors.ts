/** Codes of what can go wrong with releases: on the vehicle, and at the desk where they are signed. */
export type ReleaseErrorCode =
  // on the vehicle
  | 'RELEASE_ROOT'
  | 'RELEASE_SOURCE'
  | 'RELEASE_MISSING'
  | 'RELEASE_STALLED'
  | 'RELEASE_TOO_LONG'
  | 'RELEASE_EXPIRED'
  | 'RELEASE_ROLLBACK'
  | 'RELEASE_METADATA'
  | 'RELEASE_HASH'
  | 'RELEASE_UNAPPROVED'
  | 'RELEASE_DISK_FULL'
  | 'RELEASE_DISK'
  | 'RELEASE_STOPPED'
  // at the desk
  | 'RELEASE_KEY'
  | 'RELEASE_PASSPHRASE'
  | 'RELEASE_REPOSITORY'
  | 'RELEASE_CONFLICT'
  | 'RELEASE_INPUT'

/** A failure around releases. `hint` tells what to do next. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError'
  readonly code: ReleaseErrorCode
  readonly hint: string | undefined

  constructor(
    code: ReleaseErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
