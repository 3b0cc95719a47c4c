import type { KnownNames } from '../collection/condition-names.ts'
import type { LoadedConfig } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import { AgentError } from '../error.ts'
import type { Logger } from '../log.ts'
import { type Conversion, conversionOf, SAME, UnitError } from './units.ts'

/** What a signal is called, and how its values are converted. */
export interface Given extends Conversion {
  readonly name: string
  readonly unit: string
}

/** The `names` map of a config: from signals as they are at the source to names and units. */
export class Names {
  readonly #config: Pick<LoadedConfig, 'file' | 'lineOf' | 'names'>
  readonly #log: Logger
  /** Unit of each name given so far: two sources of one name must agree. */
  readonly #units = new Map<string, { unit: string; key: string }>()
  readonly #used = new Set<string>()

  constructor(config: Pick<LoadedConfig, 'file' | 'lineOf' | 'names'>, log: Logger) {
    this.#config = config
    this.#log = log
  }

  /**
   * What a signal called `key` (`Message.Signal`), in `unit`, shall be. Undefined: the config does not
   * name it. Throws `CONFIG_INVALID` with file and line where its unit cannot be had.
   */
  of(key: string, unit: string): Given | undefined {
    const entry = Object.hasOwn(this.#config.names, key) ? this.#config.names[key] : undefined
    if (entry === undefined) return undefined
    this.#used.add(key)
    const wish = typeof entry === 'string' ? { name: entry } : entry
    const source = wish.from ?? unit
    const target = wish.unit ?? source
    // A source without a unit is in the one that the config says.
    const conversion = source === '' ? SAME : this.#convert(key, source, target)
    const other = this.#units.get(wish.name)
    if (other && other.unit !== target) {
      throw this.#refuse(
        key,
        `"${wish.name}" is in "${target}" here, and in "${other.unit}" where it comes from ${other.key}: give both the same unit`,
      )
    }
    this.#units.set(wish.name, { unit: target, key })
    return { name: wish.name, unit: target, ...conversion }
  }

  /** Warns of names for signals that no DBC file has; sensors may still bring them where any may come. */
  warnOfUnused(known: KnownNames): void {
    for (const key of Object.keys(this.#config.names)) {
      if (this.#used.has(key) || known.has(key)) continue
      const guess = nearest(key, known.all())
      if (known.open && !guess) continue
      const meant = guess ? `; did you mean "${guess}"?` : ''
      this.#log.warn(`${this.#place(key)}: no DBC file has a signal "${key}"${meant}`)
    }
  }

  #convert(key: string, from: string, to: string): Conversion {
    try {
      return conversionOf(from, to)
    } catch (error) {
      if (error instanceof UnitError) throw this.#refuse(key, error.message, error)
      throw error
    }
  }

  #refuse(key: string, reason: string, cause?: unknown): AgentError {
    return new AgentError('CONFIG_INVALID', `${this.#place(key)}: names.${key}: ${reason}`, {
      cause,
      hint: 'Mend this line and start again. Where the source states a wrong unit or none, say the right one with "from".',
    })
  }

  #place(key: string): string {
    return `${this.#config.file}:${this.#config.lineOf(['names', key])}`
  }
}
