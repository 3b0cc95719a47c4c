import { createHash } from 'node:crypto'
import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { syncFolder } from '../outbox/database.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { LANES, noneByLane } from '../record.ts'
import type { Positions } from '../uplink.ts'
import { EXPORT_FORMAT, type ExportHead, lineOf } from './format.ts'

const READ_RECORDS = 1_000
const READ_BYTES = 1024 ** 2

export interface Exported {
  readonly file: string
  readonly vehicle: string
  readonly epoch: string
  readonly records: number
  /** The last `seq` of each lane that is in the file. */
  readonly positions: Positions
}

/**
 * Writes all waiting records into a file, gzipped where its name ends in `.gz`. The file appears under
 * its name only when it is whole and on the disk. The records stay in the outbox.
 */
export async function exportRecords(
  outbox: Outbox,
  file: string,
  nowUs: number,
): Promise<Exported> {
  const positions: Positions = noneByLane()
  let records = 0
  function* lines(): Generator<string> {
    const hash = createHash('sha256')
    const hashed = (line: string) => {
      hash.update(line)
      return line
    }
    const { vehicle, epoch } = outbox
    const head: ExportHead = {
      milepostExport: EXPORT_FORMAT,
      vehicle,
      epoch,
      exportedTimeUs: nowUs,
    }
    yield hashed(`${JSON.stringify(head)}\n`)
    for (const lane of LANES) {
      for (;;) {
        const some = outbox.read(lane, positions[lane], READ_RECORDS, READ_BYTES)
        if (some.length === 0) break
        yield hashed(some.map(lineOf).join(''))
        positions[lane] = some.at(-1)!.seq
        records += some.length
      }
    }
    yield `${JSON.stringify({ end: { records, sha256: hash.digest('hex') } })}\n`
  }
  const part = `${file}.part`
  try {
    const zip = file.endsWith('.gz') ? [createGzip()] : []
    await pipeline([Readable.from(lines()), ...zip, createWriteStream(part)])
    const handle = await open(part, 'r+')
    await handle.sync()
    await handle.close()
    renameSync(part, file)
    syncFolder(file)
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  }
  return { file, vehicle: outbox.vehicle, epoch: outbox.epoch, records, positions }
}
