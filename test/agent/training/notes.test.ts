import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notesOf } from '../../../agent/training/notes.ts'
import { LogFeatures } from '../../../models/features/log.ts'
import { input, START_MS, spec } from '../../models/feature-rows.ts'

const LOG = { records: 1, otherTypes: 0, poison: 0, late: 0, gaps: 0, elsewhere: 0, untimed: 0 }
const one = spec([input('Speed'), input('Cargo', { signal: 'Cargo.Mass', unit: 'kg' })])

function notesAfter({ counts, skippedBy, problems, unheard }: LogFeatures): string[] {
  const read = { log: LOG, features: counts, byTime: false }
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
      byTime,
    }).filter((note) => /carry no time/.test(note))
  assert.match(told(7, true).join(), /^7 records of the range carry no time.*Offsets say exactly/)
  assert.match(told(0, true, 0).join(), /^Records whose clock nobody vouched for carry no time/)
  assert.deepEqual([told(7, false), told(0, true), told(0, false, 0)], [[], [], []])
})

test('words agree with the number that they tell', () => {
  const features = new LogFeatures(one, () => {})
  const { counts, skippedBy, problems, unheard } = features
  const log = { ...LOG, late: 1, gaps: 2 }
  const read = { log, features: counts, skippedBy, problems, unheard, byTime: false }
  assert.deepEqual(notesOf(one.inputs, read).slice(0, 2), [
    '1 record came twice, or after one that follows it',
    '2 records are missing that others name: evicted on the vehicle, or not yet here',
  ])
})
