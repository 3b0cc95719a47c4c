import { createHash } from 'node:crypto'
import type { StoredRecord } from '../record.ts'
import type { RelayStore } from '../relay/store.ts'
import type { Positions } from '../uplink.ts'
import { type ExportHead, endOf, headOf, invalid, linesOf, recordOf } from './format.ts'

/** Taken in by one transaction. */
const CHUNK_RECORDS = 1_000
const CHUNK_BYTES = 1024 ** 2

export interface Imported {
  readonly vehicle: string
  readonly epoch: string
  /** Records in the file, of which so many were new and so many had been here before. */
  readonly records: number
  readonly kept: number
  readonly duplicates: number
  readonly positions: Positions
}

/**
 * Takes an export into a depot's relay store. The whole file is checked first. Each record is kept
 * once, however often and in however many pieces its file comes: the sender's position moves in the
 * same transaction.
 */
export async function importRecords(store: RelayStore, file: string): Promise<Imported> {
  const { vehicle, epoch, records } = await checkExport(file)
  const origin = { vehicle, epoch }
  let kept = 0
  let duplicates = 0
  const take = (chunk: readonly StoredRecord[]) => {
    const accepted = store.accept(origin, chunk)
    kept += accepted.kept
    duplicates += accepted.duplicates
  }
  let chunk: StoredRecord[] = []
  let bytes = 0
  for await (const record of recordsOf(file)) {
    chunk.push(record)
    bytes += record.payload.length
    if (chunk.length < CHUNK_RECORDS && bytes < CHUNK_BYTES) continue
    take(chunk)
    chunk = []
    bytes = 0
  }
  if (chunk.length > 0) take(chunk)
  return { vehicle, epoch, records, kept, duplicates, positions: store.positions(origin) }
}

/** Reads an export through; throws `EXPORT_INVALID` where it is not whole. */
async function checkExport(file: string): Promise<ExportHead & { records: number }> {
  const hash = createHash('sha256')
  let head: ExportHead | undefined
  let records = 0
  let whole = false
  let number = 0
  for await (const line of linesOf(file)) {
    number++
    if (whole) throw invalid('something follows its end')
    const end = head && endOf(line)
    if (end) {
      whole = end.records === records && end.sha256 === hash.digest('hex')
      if (!whole) throw invalid('its checksum does not fit')
      continue
    }
    hash.update(`${line}\n`)
    if (!head) head = headOf(line)
    else {
      recordOf(line, number)
      records++
    }
  }
  if (!head || !whole) throw invalid('its end is missing')
  return { ...head, records }
}

async function* recordsOf(file: string): AsyncGenerator<StoredRecord> {
  let number = 0
  for await (const line of linesOf(file)) {
    if (++number > 1 && !endOf(line)) yield recordOf(line, number)
  }
}
