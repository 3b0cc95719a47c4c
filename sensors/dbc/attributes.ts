import { DbcError } from './dbc-error.ts'
import type { Draft, DraftAttribute } from './draft.ts'

/** Values of `VFrameFormat` where a file declares it as INT (Vector's own numbering). */
const FRAME_FORMATS: Readonly<Record<number, string>> = {
  0: 'StandardCAN',
  1: 'ExtendedCAN',
  3: 'J1939PG',
  14: 'StandardCAN_FD',
  15: 'ExtendedCAN_FD',
}
const NONE: ReadonlyMap<string, number | string> = new Map()

/** The attributes of a file (`BA_DEF_`, `BA_DEF_DEF_`, `BA_`), by what they belong to. */
export class AttributeTable {
  readonly #draft: Draft
  readonly #byTarget = new Map<string, Map<string, number | string>>()

  constructor(draft: Draft, file: string) {
    this.#draft = draft
    for (const attribute of draft.attributes) {
      const key = targetKey(attribute.kind, attribute.id, attribute.target)
      let target = this.#byTarget.get(key)
      if (!target) this.#byTarget.set(key, (target = new Map()))
      target.set(attribute.name, this.#value(attribute, file))
    }
  }

  /** Attributes given to a message, signal or node; with kind '' those of the file. */
  of(kind: DraftAttribute['kind'], id: number, name: string): ReadonlyMap<string, number | string> {
    return this.#byTarget.get(targetKey(kind, id, name)) ?? NONE
  }

  /** The attribute's value, or the default that the file gives for it. */
  withDefault(
    given: ReadonlyMap<string, number | string>,
    name: string,
  ): number | string | undefined {
    const value = given.get(name)
    if (value !== undefined) return value
    const definition = this.#draft.definitions.get(name)
    const fallback = this.#draft.fallbacks.get(name)
    if (!definition || fallback === undefined) return undefined
    if (definition.type === 'STRING' || definition.type === 'ENUM') return fallback
    const number = Number(fallback)
    return Number.isFinite(number) ? number : undefined
  }

  /** `StandardCAN`, `ExtendedCAN_FD`, `J1939PG`…; undefined where the file does not say. */
  frameFormat(given: ReadonlyMap<string, number | string>): string | undefined {
    const value = this.withDefault(given, 'VFrameFormat')
    if (typeof value !== 'number') return value
    const definition = this.#draft.definitions.get('VFrameFormat')
    if (definition?.type === 'ENUM') return definition.choices[value]
    return FRAME_FORMATS[value]
  }

  #value({ name, value, line }: DraftAttribute, file: string): number | string {
    const definition = this.#draft.definitions.get(name)
    const refuse = (reason: string, hint: string): never => {
      throw new DbcError('DBC_INVALID', file, line, `attribute ${name}: ${reason}`, hint)
    }
    if (!definition) refuse('there is no BA_DEF_ for it', 'Add its BA_DEF_, or delete the line.')
    const { type, choices } = definition!
    if (type === 'STRING') return value
    // CANdb++ writes an enumeration by its index, other tools by its text.
    if (type === 'ENUM' && choices.includes(value)) return choices.indexOf(value)
    const number = Number(value)
    if (value.trim() === '' || !Number.isFinite(number)) {
      refuse(`${JSON.stringify(value)} is no ${type}`, 'Give a number, or delete the line.')
    }
    return type === 'FLOAT' ? number : Math.trunc(number)
  }
}

function targetKey(kind: string, id: number, name: string): string {
  return `${kind} ${id} ${name}`
}
