import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { parse } from 'csv-parse'
import { ModelError } from '../errors.ts'
import type { TrainingRow } from './rows.ts'

/** Longest line of a CSV file, characters. */
const MAX_RECORD_CHARS = 1 << 20
const US_PER = { s: 1_000_000, ms: 1000, us: 1 } as const

export interface CsvColumns {
  /** Columns that are wanted, in the order of `values`. */
  readonly inputs: readonly string[]
  /** Column that names the vehicle; without it all rows are of one. */
  readonly vehicle?: string
  /** Column with the time; without it rows are `everyMs` apart. */
  readonly time?: { readonly column: string; readonly unit: 's' | 'ms' | 'us' }
  readonly everyMs: number
}

/** Size and hash of a file that was read to its end. */
export interface FileDigest {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

/**
 * Reads rows of a CSV file with a header (RFC 4180), in memory of one chunk. An empty cell, `NaN` or
 * `null` is a missing value. The row handed out is reused.
 * @param onEnd told the file's digest after the last row
 * @throws ModelError `INPUT_COLUMNS` naming columns that are not there, `INPUT_VALUES` with the line
 *   of a cell that is no number
 */
export async function* csvRows(
  file: string,
  columns: CsvColumns,
  onEnd?: (digest: FileDigest) => void,
): AsyncGenerator<TrainingRow> {
  const hash = createHash('sha256')
  let bytes = 0
  const input = file === '-' ? process.stdin : await openFile(file)
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_CHARS,
    trim: true,
    info: true,
  })
  input.on('error', (error) => parser.destroy(error))
  input.pipe(counted).pipe(parser)
  let header: Header | undefined
  const values = new Float64Array(columns.inputs.length)
  let index = 0
  try {
    for await (const { record: cells, info } of parser as AsyncIterable<Line>) {
      if (!header) {
        header = headerOf(cells, columns)
        continue
      }
      index++
      for (const [i, at] of header.inputs.entries()) {
        values[i] = numberOf(cells[at], columns.inputs[i], info.lines)
      }
      const time = header.time < 0 ? Number.NaN : Number(cells[header.time])
      yield {
        vehicle: header.vehicle < 0 ? '' : cells[header.vehicle],
        timeUs: Number.isFinite(time)
          ? time * US_PER[columns.time?.unit ?? 's']
          : index * columns.everyMs * 1000,
        values,
      }
    }
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    throw new ModelError('INPUT_VALUES', `${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'A CSV file has a header and as many cells in each line.',
    })
  } finally {
    input.destroy()
  }
  if (!header) headerOf([], columns)
  onEnd?.({ name: basename(file), bytes, sha256: hash.digest('hex') })
}

async function openFile(file: string): Promise<Readable> {
  try {
    if (!(await stat(file)).isFile()) throw new Error('not a file')
    return createReadStream(file)
  } catch (cause) {
    throw new ModelError('INPUT_COLUMNS', `cannot read ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'Give the path of a CSV file with a header, or - for standard input.',
    })
  }
}

/** A line as the parser gives it, with how many lines it had read by its end. */
interface Line {
  record: string[]
  info: { lines: number }
}

interface Header {
  inputs: number[]
  vehicle: number
  time: number
}

function headerOf(cells: string[], columns: CsvColumns): Header {
  const at = (name: string | undefined) => (name === undefined ? -1 : cells.indexOf(name))
  const wanted = [...columns.inputs, columns.vehicle, columns.time?.column]
  const missing = wanted.filter((name) => name !== undefined && at(name) < 0)
  if (missing.length > 0) {
    throw new ModelError('INPUT_COLUMNS', `the CSV file has no column ${missing.join(', ')}`, {
      hint: `Its header has ${cells.length === 0 ? 'nothing' : cells.join(', ')}. Columns are named as the bundle's inputs: milepost model show BUNDLE lists them.`,
    })
  }
  return {
    inputs: columns.inputs.map(at),
    vehicle: at(columns.vehicle),
    time: at(columns.time?.column),
  }
}

function numberOf(cell: string | undefined, column: string, line: number): number {
  if (cell === undefined || cell === '' || cell === 'NaN' || cell === 'null') return Number.NaN
  const value = Number(cell)
  if (Number.isNaN(value)) {
    throw new ModelError('INPUT_VALUES', `line ${line}: ${column} is "${cell.slice(0, 40)}"`, {
      hint: 'Cells are decimal numbers with a point, or empty where a value is missing.',
    })
  }
  return value
}
