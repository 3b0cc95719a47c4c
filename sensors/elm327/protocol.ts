/**
 * The ELM327's CAN protocols (data sheet v2.3, "AT SP"): its number, and whether identifiers have
 * 29 bits.
 */
export const PROTOCOLS = {
  'can-11-500': { number: '6', ext: false },
  'can-29-500': { number: '7', ext: true },
  'can-11-250': { number: '8', ext: false },
  'can-29-250': { number: '9', ext: true },
} as const

export type ProtocolName = keyof typeof PROTOCOLS
export const PROTOCOL_NAMES = Object.keys(PROTOCOLS) as ProtocolName[]

/** The CAN protocol behind an answer to `ATDPN` (`6`, or `A6` where it was found by search). */
export function protocolNumbered(answer: string): ProtocolName | undefined {
  const number = answer.replace(/^A(?=.)/, '')
  return PROTOCOL_NAMES.find((name) => PROTOCOLS[name].number === number)
}

/** What a line that is no frame says (data sheet v2.3, "Error Messages and Alerts"). */
export type Notice =
  | 'buffer-full'
  | 'bus-error'
  | 'no-data'
  | 'reset'
  | 'sleep'
  | 'unknown-command'
  | 'nothing'

/** The meaning of a line; undefined where it may be a frame or is rubbish. */
export function noticeOf(line: string): Notice | undefined {
  if (line === 'BUFFER FULL' || line === 'OUT OF MEMORY' || line === 'RX BUFFER FULL')
    return 'buffer-full'
  if (
    /^(CAN ERROR|BUS ERROR|FB ERROR|BUS BUSY|UNABLE TO CONNECT|BUS INIT: ?\.*ERROR)$/.test(line)
  ) {
    return 'bus-error'
  }
  if (line === 'NO DATA' || line === 'FC RX TIMEOUT') return 'no-data'
  if (/^(ELM327|LV RESET|ERR\d\d)/.test(line)) return 'reset'
  if (/^(ACT ALERT|!ACT ALERT|LP ALERT|!LP ALERT)$/.test(line)) return 'sleep'
  if (line === '?') return 'unknown-command'
  if (/^(OK|STOPPED|SEARCHING\.*|BUS INIT: ?\.*(OK)?)$/.test(line)) return 'nothing'
  return undefined
}
