/** Codes of everything that can go wrong in this room; the agent shows them to people. */
export type ModelErrorCode =
  | 'BUNDLE_MISSING'
  | 'BUNDLE_MANIFEST'
  | 'BUNDLE_HASH'
  | 'BUNDLE_PATH'
  | 'BUNDLE_SHAPE'
  | 'BUNDLE_WEIGHTS'
  | 'BUNDLE_GOLDEN'
  | 'BUNDLE_LIMIT'
  | 'BUNDLE_ARCHIVE'
  | 'RUNTIME_MISSING'
  | 'INPUT_COLUMNS'
  | 'INPUT_VALUES'
  | 'TRAINING_RECIPE'
  | 'TRAINING_DATA'
  | 'TRIAL_BARRED'
  | 'TRIAL_BUSY'
  | 'STATE_CORRUPT'

/** A failure around a model. `hint` tells a technician at the roadside what to do next. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode
  readonly hint: string | undefined

  constructor(
    code: ModelErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
