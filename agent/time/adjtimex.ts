import koffi from 'koffi'

/** Bytes enough for `struct timex` on every machine (208 on 64-bit Linux). */
const TIMEX_BYTES = 256
const STA_UNSYNC = 0x0040
const TIME_ERROR = 5

let call: ((timex: Buffer) => number) | null | undefined

/**
 * Whether the kernel's clock is kept by somebody (NTP, PTP, a GPS daemon), as adjtimex(2) tells it;
 * undefined where the system knows no such call.
 */
export function kernelSynced(): boolean | undefined {
  call ??= load()
  if (!call) return undefined
  // All zero: `modes` 0 asks and changes nothing.
  const timex = Buffer.alloc(TIMEX_BYTES)
  const state = call(timex)
  if (state < 0) return undefined
  // int modes, then four longs, then int status.
  const status = timex.readInt32LE(koffi.sizeof('long') * 5)
  return state !== TIME_ERROR && (status & STA_UNSYNC) === 0
}

function load(): ((timex: Buffer) => number) | null {
  if (process.platform !== 'linux') return null
  try {
    return koffi.load(null).func('int adjtimex(void *timex)') as unknown as (t: Buffer) => number
  } catch {
    return null
  }
}
