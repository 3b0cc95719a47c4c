import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../support/cli.ts'

export const FOLDER = join(ROOT, 'deploy/dashboards')

/** One query of a panel. */
export interface Asked {
  readonly board: string
  readonly panel: string
  readonly expr: string
  readonly legendFormat: string
}

interface Board {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
}

/** Every query of every dashboard. */
export function queries(): Asked[] {
  const boards = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  return boards.flatMap((board) => {
    const { panels } = JSON.parse(readFileSync(join(FOLDER, board), 'utf8')) as Board
    return panels.flatMap(({ title, targets }) =>
      targets.map(({ expr, legendFormat }) => ({ board, panel: title, expr, legendFormat })),
    )
  })
}
