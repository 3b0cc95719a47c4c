import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notesOf } from '../../../agent/training/notes.ts'
import { LogFeatures } from '../../../models/features/log.ts'
import type { HistoryRange } from '../../../sync/kafka/history.ts'
import { input, START_MS, spec } from '../../models/feature-rows.ts'

const LOG = { records: 1, otherTypes: 0, poison: 0, late: 0, gaps: 0, elsewhere: 0, untimed: 0 }
const one = spec([input('Speed'), input('Cargo', { signal: 'Cargo.Mass', unit: 'kg' })])

function notesAfter({ counts, skippedBy, problems, unheard }: LogFeatures): string[] {
  const read = { log: LOG, features: counts, ranges: [], byTime: false }
  return notesOf(one.inputs, { ...read, skippedBy, problems, unheard })
}

function notes(signals: Record<string, number>, units?: Record<string, string>): string[] {
  const features = new LogFeatures(one, () => {})
  features.push({ vehicle: 'v', timeUs: START_MS * 1000, signals, units })
  return notesAfter(features)
}

test('an input without a single reading is named once: as such, or for its unit', () => {
  assert.deepEqual(notes({ Speed: 1 }), ['No reading ever came of Cargo.Mass (input Cargo)'])
  assert.deepEqual(notes({ Speed: 1, 'Cargo.Mass': 2 }, { 'Cargo.Mass': 't' }), [
    'Cargo.Mass came in t, not kg, from 1 vehicle',
    '1 reading was left out for its unit',
  ])
})

test('records that found no room are told, with what to do', () => {
  const features = new LogFeatures(one, () => {}, 1)
  for (const vehicle of ['v', 'w', 'x']) {
    features.push({ vehicle, timeUs: START_MS * 1000, signals: { Speed: 1, 'Cargo.Mass': 2 } })
  }
  const [note] = notesAfter(features)
  assert.match(
    note,
    /^2 records were left out for want of room: .* 16,777,216 steps\. A shorter range/,
  )
})

test('records without a time are told where the range is one of times, and only there', () => {
  const features = new LogFeatures(one, () => {})
  const { counts, skippedBy, problems, unheard } = features
  const told = (untimed: number, byTime: boolean, records = 10) =>
    notesOf(one.inputs, {
      log: { ...LOG, records, untimed },
      features: counts,
      skippedBy,
      problems,
      unheard,
      ranges: [],
      byTime,
    }).filter((note) => /carry no time/.test(note))
  assert.match(told(7, true).join(), /^7 records of the range carry no time.*Offsets say exactly/)
  assert.match(told(0, true, 0).join(), /^Records whose clock nobody vouched for carry no time/)
  assert.deepEqual([told(7, false), told(0, true), told(0, false, 0)], [[], [], []])
})

test('what lies behind an open transaction is told by partition, with words that agree', () => {
  const features = new LogFeatures(one, () => {})
  const { counts, skippedBy, problems, unheard } = features
  const told = (...ranges: HistoryRange[]) =>
    notesOf(one.inputs, {
      ...{ log: { ...LOG, late: 1, gaps: 2 }, features: counts, skippedBy, problems, unheard },
      ranges,
      byTime: false,
    })
  const whole = { partition: 0, from: 0, to: 10 }
  assert.deepEqual(told(whole), [
    '1 record came twice, or after one that follows it',
    '2 records are missing that others name: evicted on the vehicle, or not yet here',
    'No reading ever came of Speed, Cargo.Mass (input Cargo)',
  ])
  const [two] = told(
    { ...whole, held: { from: 10, to: 1_500 } },
    { ...whole, partition: 1 },
    { ...whole, partition: 2, held: { from: 12, to: 13 } },
  )
  assert.match(
    two,
    /^1,491 offsets in partitions 0 \(10 to 1499\), 2 \(12 to 12\) lie behind a transaction that is still open and were not read\. /,
  )
  const [single] = told({ ...whole, held: { from: 10, to: 11 } })
  assert.match(single, /^1 offset in partition 0 \(10 to 10\) lies behind .* and was not read\. /)
})
