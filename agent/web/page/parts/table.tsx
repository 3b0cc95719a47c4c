// biome-ignore-all lint/a11y/noRedundantRoles: on a phone rows are laid out as grids, which takes a table's meaning from it in some browsers
import type { ComponentChildren } from 'preact'

export interface Column<T> {
  readonly head: string
  cell(row: T): ComponentChildren
  /** Figures stand to the right, in one width. */
  readonly figure?: boolean
  /** What names the row. */
  readonly names?: boolean
}

/** A table on a laptop; on a phone each row becomes a block with its labels. */
export function Table<T>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  caption: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  keyOf(row: T): string
}) {
  return (
    <table role="table" class="table">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr role="row">
          {columns.map(({ head, figure }) => (
            <th key={head} role="columnheader" scope="col" class={figure ? 'figure' : ''}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row">
            {columns.map(({ head, cell, figure, names }) =>
              names ? (
                <th key={head} role="rowheader" scope="row">
                  {cell(row)}
                </th>
              ) : (
                <td key={head} role="cell" data-label={head} class={figure ? 'figure' : ''}>
                  {cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
