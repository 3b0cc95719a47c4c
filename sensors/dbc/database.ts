/** Inclusive range of raw multiplexer values. */
export interface MuxRange {
  readonly from: number
  readonly to: number
}

/** When a multiplexed signal is in the frame: its multiplexer's raw value lies in one of `ranges`. */
export interface MuxCondition {
  readonly multiplexer: DbcSignal
  readonly ranges: readonly MuxRange[]
}

/** A raw value: a bigint where the signal can hold more than 53 bits. */
export type RawKey = number | bigint

/** One signal of a message, as laid out in the payload. */
export interface DbcSignal {
  /** `SystemSignalLongSymbol` where the file gives one, else the name in `SG_`. */
  readonly name: string
  /** The name in `SG_`, by which other parts of the file refer to it. */
  readonly shortName: string
  /** As written: least significant bit (Intel) or most significant bit (Motorola, sawtooth). */
  readonly startBit: number
  /** Bits taken. */
  readonly bitLength: number
  readonly littleEndian: boolean
  readonly signed: boolean
  /** IEEE 754 of 16, 32 or 64 bits (`SIG_VALTYPE_`). */
  readonly float: boolean
  /** Value = raw * factor + offset. */
  readonly factor: number
  readonly offset: number
  /** The same as integers where they are integers, for exact arithmetic beyond 2^53. */
  readonly exactFactor: bigint | undefined
  readonly exactOffset: bigint | undefined
  /** Limits as the file states them; undefined where it says `[0|0]`. */
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly unit: string
  readonly receivers: readonly string[]
  readonly comment: string | undefined
  /** Text for raw values (`VAL_`). */
  readonly choices: ReadonlyMap<RawKey, string> | undefined
  /** J1939 suspect parameter number. */
  readonly spn: number | undefined
  readonly attributes: ReadonlyMap<string, number | string>
  readonly isMultiplexer: boolean
  /** Undefined for a signal that is in every frame. */
  readonly mux: MuxCondition | undefined
  /** Line of its `SG_`, from 1. */
  readonly line: number
}

export interface DbcMessage {
  /** `SystemMessageLongSymbol` where the file gives one, else the name in `BO_`. */
  readonly name: string
  readonly shortName: string
  /** 11- or 29-bit identifier without flag bits. */
  readonly id: number
  readonly ext: boolean
  /** Declared as CAN FD by `VFrameFormat`. */
  readonly fd: boolean
  /** `VFrameFormat` says `J1939PG`: matched by parameter group, see `pgnOf`. */
  readonly j1939: boolean
  /** Payload bytes as declared. */
  readonly length: number
  readonly senders: readonly string[]
  readonly comment: string | undefined
  /** `GenMsgCycleTime`, milliseconds; undefined where unknown or 0. */
  readonly cycleTimeMs: number | undefined
  readonly attributes: ReadonlyMap<string, number | string>
  /** Signals that can be read, in the order of the file. */
  readonly signals: readonly DbcSignal[]
  readonly groups: readonly SignalGroup[]
  /** Line of its `BO_`, from 1. */
  readonly line: number
  /** The file it comes from. */
  readonly file: string
}

export interface SignalGroup {
  readonly name: string
  readonly repetitions: number
  readonly signals: readonly string[]
}

/** Something doubtful that does not hinder reading the rest. */
export interface DbcWarning {
  readonly file: string
  readonly line: number
  readonly reason: string
}

/** Everything that milepost takes from one DBC file. */
export interface Database {
  readonly file: string
  readonly version: string
  readonly nodes: readonly string[]
  readonly messages: readonly DbcMessage[]
  readonly valueTables: ReadonlyMap<string, ReadonlyMap<RawKey, string>>
  readonly comment: string | undefined
  readonly attributes: ReadonlyMap<string, number | string>
  /** Names of environment variables (`EV_`); they are never on the bus. */
  readonly environment: readonly string[]
  readonly warnings: readonly DbcWarning[]
}
