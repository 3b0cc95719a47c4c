/** Negative response codes that are met in practice (ISO 14229-1, table A.1). */
export const NRC = {
  generalReject: 0x10,
  serviceNotSupported: 0x11,
  subFunctionNotSupported: 0x12,
  incorrectLength: 0x13,
  busyRepeatRequest: 0x21,
  conditionsNotCorrect: 0x22,
  requestSequenceError: 0x24,
  requestOutOfRange: 0x31,
  securityAccessDenied: 0x33,
  authenticationRequired: 0x34,
  generalProgrammingFailure: 0x72,
  responsePending: 0x78,
  subFunctionNotSupportedInActiveSession: 0x7e,
  serviceNotSupportedInActiveSession: 0x7f,
} as const

const NAMES = new Map<number, string>(Object.entries(NRC).map(([name, code]) => [code, name]))

/** A negative response code as people read it: `requestOutOfRange (0x31)`. */
export function nrcText(code: number): string {
  const number = `0x${code.toString(16).toUpperCase().padStart(2, '0')}`
  const name = NAMES.get(code)
  return name ? `${name} (${number})` : number
}

/**
 * Refusals for good: the ECU has nothing of the kind. Those that speak of the session are not among
 * them: an ECU that was reset is soon in the right one again.
 */
export const NRC_ABSENT: readonly number[] = [
  NRC.serviceNotSupported,
  NRC.subFunctionNotSupported,
  NRC.requestOutOfRange,
]

/** Refusals because the ECU is in another session. */
export const NRC_SESSION: readonly number[] = [
  NRC.subFunctionNotSupportedInActiveSession,
  NRC.serviceNotSupportedInActiveSession,
]
