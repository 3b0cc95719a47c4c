import type { AttributeTable } from './attributes.ts'
import type { RawKey } from './database.ts'
import type { Draft } from './draft.ts'

/** What linking a message needs of the rest of the file. */
export interface LinkContext {
  readonly file: string
  readonly draft: Draft
  readonly attributes: AttributeTable
  /** `id signal` to text, floats and multiplexer values. */
  readonly choices: ReadonlyMap<string, ReadonlyMap<RawKey, string>>
  readonly valueTypes: ReadonlyMap<string, number>
  readonly comments: ReadonlyMap<string, string>
  readonly warn: (line: number, reason: string) => void
}

/** Key of a signal in the tables of a `LinkContext`; of a message, without a signal. */
export function keyOf(id: number, signal = ''): string {
  return `${id} ${signal}`
}
