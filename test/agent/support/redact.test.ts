import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Redactor } from '../../../agent/support/redact.ts'

test('random secrets in random surroundings are taken out in every form', () => {
  const secret = fc.string({ minLength: 6, maxLength: 40 }).filter((s) => s.trim().length >= 6)
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (raw, before, after) => {
      const value = raw.trim()
      const redactor = new Redactor([value], [])
      const text = `${before} ${value} ${encodeURIComponent(value)} ${JSON.stringify(value)} ${Buffer.from(value).toString('base64')} ${after}`
      const clean = redactor.text(text)
      const spared = `${before} ${after} [secret] [position]`
      assert.ok(!clean.includes(value) || spared.includes(value), clean)
    }),
    { numRuns: 300 },
  )
})

test('what openssl rand writes is taken out of a log, also where nobody says that it is a secret', () => {
  let found = 0
  for (let i = 0; i < 2_000; i++) {
    const bytes = createHash('sha256').update(`seed ${i}`).digest()
    const token = bytes.subarray(0, 24).toString(i % 2 ? 'base64' : 'base64url')
    if (!new Redactor([], []).text(`sent ${token} to it`).includes(token)) found++
  }
  assert.ok(found >= 1_998, `${found} of 2000`)
})

test('what is no secret and no place stays readable', () => {
  const hash = 'a'.repeat(64)
  const redactor = new Redactor([], [hash])
  const same = [
    `bundle ${hash} is in use`,
    '/var/lib/milepost/history/full/00000001.mpr could not be read',
    'sensor engine-left is recovering: DEVICE_MISSING',
    'EngineTemp.Coolant 64.4375 degC, Engine.Rpm 801.25',
    '2026-11-25T21:23:16.088Z 321 frames/s',
    'https://releases.example.com/fleet answers 404',
    'the clock jumped by 1764105796.25 s',
  ]
  for (const line of same) assert.equal(redactor.text(line), line)
})
