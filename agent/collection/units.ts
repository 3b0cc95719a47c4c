import type { Signal } from '../../sensors/reading.ts'

/** Units are told again with the first record of each hour, so that any stretch of a log has them. */
const AGAIN_US = 3_600_000_000

/**
 * Which units a campaign's record tells: those of signals in it that were not told in this hour. Who
 * trains on the log must know them, and each record need not say them.
 */
export class UnitsTold {
  readonly #told = new Set<string>()
  #hour = -1

  /** @param content what the record holds, by name of its signal */
  take(
    signals: readonly Signal[],
    content: Readonly<Record<string, unknown>>,
    timeUs: number,
  ): Record<string, string> | undefined {
    const hour = Math.floor(timeUs / AGAIN_US)
    if (hour !== this.#hour) this.#told.clear()
    this.#hour = hour
    let units: Record<string, string> | undefined
    for (const { name, unit } of signals) {
      if (this.#told.has(name) || !(name in content)) continue
      this.#told.add(name)
      units ??= {}
      units[name] = unit
    }
    return units
  }
}
