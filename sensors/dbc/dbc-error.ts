import { SensorError } from '../errors.ts'

/** A DBC file that is refused; its message reads `file:line: reason`. */
export class DbcError extends SensorError {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly reason: string

  constructor(
    code: 'DBC_SYNTAX' | 'DBC_INVALID',
    file: string,
    line: number,
    reason: string,
    hint: string,
  ) {
    super(code, `${file}:${line}: ${reason}`, { hint })
    this.file = file
    this.line = line
    this.reason = reason
  }
}
