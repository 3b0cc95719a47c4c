/** Codes of everything that can go wrong in this room; the agent shows them to people. */
export type SensorErrorCode =
  | 'DBC_SYNTAX'
  | 'DBC_INVALID'
  | 'DBC_UNREADABLE'
  | 'LOG_UNREADABLE'
  | 'DEVICE_MISSING'
  | 'DEVICE_DENIED'
  | 'DEVICE_LOST'
  | 'DEVICE_BUSY'
  | 'SEND_DENIED'
  | 'DEVICE_PROTOCOL'

/** A failure of a sensor or decoder. `hint` tells a technician at the roadside what to do next. */
export class SensorError extends Error {
  override readonly name = 'SensorError'
  readonly code: SensorErrorCode
  readonly hint: string | undefined

  constructor(
    code: SensorErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
