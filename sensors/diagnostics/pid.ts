/** One value in the data bytes of a PID, `d[0]` being byte A. */
export interface PidSignal {
  /** Reading's name: the leaf of COVESA VSS `Vehicle.OBD` where it has one. */
  readonly name: string
  readonly unit: string
  /** Scaled value, by SAE J1979-DA (ISO 15031-5, annex B). */
  readonly read: (d: Uint8Array) => number
  /** False where the ECU says that it does not have this part. */
  readonly present?: (d: Uint8Array) => boolean
}

export interface Pid {
  readonly pid: number
  /** Data bytes of the answer. */
  readonly bytes: number
  readonly signals: readonly PidSignal[]
}

/** Bytes A and B, or those from `i` on. */
export const word = (d: Uint8Array, i = 0): number => d[i] * 256 + d[i + 1]
export const percent = (byte: number): number => (byte * 100) / 255
/** -100 to 99.2 %. */
export const trim = (byte: number): number => (byte * 100) / 128 - 100

export function pid(pid: number, bytes: number, ...signals: PidSignal[]): Pid {
  return { pid, bytes, signals }
}

/** A value under its VSS name. */
export function value(name: string, unit: string, read: (d: Uint8Array) => number): PidSignal {
  return { name: `Vehicle.OBD.${name}`, unit, read }
}

/** A PID with one value. */
export function one(
  number: number,
  bytes: number,
  name: string,
  unit: string,
  read: PidSignal['read'],
): Pid {
  return pid(number, bytes, value(name, unit, read))
}
