import type { IdFilter } from '../sensors/can/channel.ts'
import { wantedOf } from '../sensors/can/wanted.ts'
import type { Database } from '../sensors/dbc/database.ts'
import { DatabaseSet } from '../sensors/dbc/database-set.ts'
import { Decoder } from '../sensors/dbc/decoder.ts'
import { ERROR, NOT_AVAILABLE, OUT_OF_RANGE } from '../sensors/dbc/no-value.ts'
import { loadDbc } from '../sensors/dbc/parse.ts'
import type { SignalCatalog } from '../sensors/reading.ts'
import type { Buses } from './buses.ts'
import type { LoadedConfig } from './config/load.ts'
import { nearest } from './config/nearest.ts'
import { complaintOf } from './error.ts'
import type { Logger } from './log.ts'
import type { Names } from './names/names.ts'
import type { DecodeStatus } from './status.ts'

export interface Decoding {
  /** Undefined where no bus has a DBC file. */
  readonly decoder: Decoder | undefined
  status(): DecodeStatus | undefined
  /** Which frames of a bus its DBC files describe; undefined where it has none. */
  reads(bus: number): readonly IdFilter[] | undefined
  /** The DBC files of a bus; undefined where it has none. */
  databases(bus: number): DatabaseSet | undefined
}

/** What there is where no bus has a DBC file. */
export const NO_DECODING: Decoding = {
  decoder: undefined,
  status: () => undefined,
  reads: () => undefined,
  databases: () => undefined,
}

/**
 * Loads the DBC files of every bus. A broken one is refused with its line and reason; the others
 * still load where the bus says `onBrokenDbc: skip`.
 */
export async function loadDecoder(
  config: LoadedConfig,
  buses: Buses,
  catalog: SignalCatalog,
  names: Names,
  log: Logger,
): Promise<Decoding> {
  warnOfBusesWithout(config, log)
  const skippedFiles: string[] = []
  const sets: (DatabaseSet | undefined)[] = []
  for (const [name, bus] of Object.entries(config.buses)) {
    const databases: Database[] = []
    for (const file of bus.dbc) {
      try {
        databases.push(await loadDbc(file))
      } catch (error) {
        if (bus.onBrokenDbc === 'fail') throw error
        skippedFiles.push(file)
        log.warn({ bus: name, ...complaintOf(error) }, `skipped a broken DBC file: ${file}`)
      }
    }
    const set = new DatabaseSet(databases)
    for (const { used, ignored } of set.conflicts) {
      log.warn(
        { bus: name, used: used.file, ignored: ignored.file },
        `message ${ignored.name} of ${ignored.file} has the id of ${used.name}, which is used`,
      )
    }
    sets[buses.indexOf(name)] = set
  }
  if (!sets.some((set) => set && set.messages.length > 0)) {
    return NO_DECODING
  }
  const decoder = new Decoder(sets, catalog, {
    names: (message, signal, unit) => names.of(`${message}.${signal}`, unit),
    noValues: (bus) => config.buses[buses.nameOf(bus)]?.noValues ?? 'drop',
  })
  const filters = sets.map((set) => (set?.messages.length ? wantedOf(set) : undefined))
  return {
    decoder,
    reads: (bus) => filters[bus],
    databases: (bus) => sets[bus],
    status: () => {
      const { decoded, unknown, short, skipped } = decoder
      const frames = decoded + unknown + skipped
      const notAvailable = decoder.marks[NOT_AVAILABLE]
      const errors = decoder.marks[ERROR]
      const outOfRange = decoder.marks[OUT_OF_RANGE]
      const noValues = { notAvailable, errors, outOfRange }
      return { frames, decoded, unknown, short, skipped, noValues, skippedFiles }
    },
  }
}

/** A sensor whose bus has no entry, while others have DBC files, is most likely mistyped. */
function warnOfBusesWithout(config: LoadedConfig, log: Logger): void {
  const known = Object.keys(config.buses)
  if (!Object.values(config.buses).some(({ dbc }) => dbc.length > 0)) return
  for (const [i, { common }] of config.sensors.entries()) {
    if (known.includes(common.bus)) continue
    const guess = nearest(common.bus, known)
    const place = `${config.file}:${config.lineOf(['sensors', i, 'bus'])}`
    log.warn(
      { sensor: common.id, bus: common.bus },
      `${place}: no DBC file is given for bus ${common.bus}${guess ? `; did you mean "${guess}"?` : ''}`,
    )
  }
}
