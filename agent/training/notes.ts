import { type LogCounts, MAX_OPEN_CELLS } from '../../models/features/log.ts'
import type { LoggedUnitProblem } from '../../models/features/log-units.ts'
import type { InputSpec, UnheardInput } from '../../models/features/spec.ts'
import { type HistoryRange, heldOf } from '../../sync/kafka/history.ts'
import { counted, formatCount } from '../cli/output.ts'
import { heldText } from './held.ts'
import type { LogRecordCounts } from './log.ts'

/** Inputs named at most as the cause of rows that were not made. */
const MAX_NAMED = 5

/** What of a history could not be used, and why, in sentences without a full stop. */
export function notesOf(
  inputs: readonly InputSpec[],
  read: {
    readonly log: LogRecordCounts
    readonly features: LogCounts
    readonly skippedBy: readonly number[]
    readonly problems: readonly LoggedUnitProblem[]
    readonly unheard: readonly UnheardInput[]
    /** What was read, and what of it not. */
    readonly ranges: readonly HistoryRange[]
    /** The range was given by times. */
    readonly byTime: boolean
  },
): string[] {
  const { log, features, skippedBy, problems, unheard } = read
  const notes: string[] = []
  const told = (count: number, one: string, many: string) => {
    if (count > 0) notes.push(counted(count, one, many))
  }
  if (log.records === 0) notes.push('The range is empty: no record lies in it')
  const held = heldText(heldOf(read.ranges))
  if (held) notes.push(held)
  if (read.byTime && log.records === 0) {
    notes.push('Records whose clock nobody vouched for carry no time: offsets find them too')
  }
  if (read.byTime && log.untimed > 0) {
    const records = counted(
      log.untimed,
      'record of the range carries',
      'records of the range carry',
    )
    notes.push(
      `${records} no time, as nobody vouched for the clock: what has none is in it by where it lies, and others ` +
        'like that may be left out. Offsets say exactly what is read',
    )
  }
  told(log.otherTypes, 'record holds no readings', 'records hold no readings')
  told(
    log.poison,
    'record is poison: its content is not of its type',
    'records are poison: their content is not of their type',
  )
  told(
    log.late,
    'record came twice, or after one that follows it',
    'records came twice, or after ones that follow them',
  )
  const gone = 'evicted on the vehicle, or not yet here'
  told(
    log.gaps,
    `record is missing that others name: ${gone}`,
    `records are missing that others name: ${gone}`,
  )
  if (log.elsewhere > 0) {
    const records = counted(log.elsewhere, 'record was', 'records were')
    notes.push(
      `${records} left out: an earlier partition holds records of the same vehicles too, so there were fewer ` +
        'partitions once. A range that begins after they were raised has all of them',
    )
  }
  for (const { signal, unit, wanted, vehicles } of problems) {
    const from = counted(vehicles, 'vehicle')
    notes.push(`${signal} came in ${unit || 'no unit'}, not ${wanted}, from ${from}`)
  }
  // What came in another unit was told above; of an empty range nothing need be told.
  const silent = unheard.filter(({ signal }) => !problems.some((one) => one.signal === signal))
  if (silent.length > 0 && log.records > 0) {
    const named = silent.slice(0, MAX_NAMED).map(({ input, signal }) => nameOf(input, signal))
    const more = silent.length > MAX_NAMED ? ` and ${silent.length - MAX_NAMED} more` : ''
    notes.push(`No reading ever came of ${named.join(', ')}${more}`)
  }
  told(
    features.otherUnit,
    'reading was left out for its unit',
    'readings were left out for their unit',
  )
  told(features.rejected, 'reading was no finite number', 'readings were no finite number')
  told(
    features.late,
    'reading came after its row was made',
    'readings came after their row was made',
  )
  const gaveWay = 'a vehicle gave way to another, long after its last reading'
  told(features.forgotten, `time ${gaveWay}`, `times ${gaveWay}`)
  if (features.noRoom > 0) {
    const records = counted(features.noRoom, 'record was', 'records were')
    notes.push(
      `${records} left out for want of room: the windows of all vehicles together hold ` +
        `${formatCount(MAX_OPEN_CELLS)} steps. A shorter range has fewer vehicles, and shorter windows leave room for ` +
        'more of them',
    )
  }
  told(features.restarts, 'time a clock went back', 'times a clock went back')
  if (features.skipped > 0) {
    const causes = inputs
      .map(({ name }, i) => ({ name, count: skippedBy[i] }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, MAX_NAMED)
      .map(({ name, count }) => `${name} (${formatCount(count)})`)
    const rows = counted(features.skipped, 'row was', 'rows were')
    notes.push(`${rows} not made for a missing value: ${causes.join(', ')}`)
  }
  return notes
}

function nameOf(input: string, signal: string): string {
  return input === signal ? signal : `${signal} (input ${input})`
}
