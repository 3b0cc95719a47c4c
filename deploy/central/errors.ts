/** Codes of everything that can go wrong before central runs; each comes with a hint. */
export type CentralErrorCode =
  | 'JAVA_MISSING'
  | 'MAVEN_MISSING'
  | 'ARTIFACTS_FAILED'
  | 'TIER_CONFIG'
  | 'PORT_TAKEN'
  | 'DATA_DIR_BUSY'
  | 'DATA_DIR_DENIED'
  | 'BROKER_FAILED'
  | 'OBJECT_STORE_FAILED'

/** A failure to bring central up. `hint` says the one thing to do next. */
export class CentralError extends Error {
  override readonly name = 'CentralError'
  readonly code: CentralErrorCode
  readonly hint: string | undefined

  constructor(
    code: CentralErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
