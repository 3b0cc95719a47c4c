import assert from 'node:assert/strict'
import { test } from 'node:test'
import { terminalColumns, wrapped, wrappedText } from '../../../agent/cli/wrap.ts'

test('a line wider than the terminal goes on below, between words, indented as it is', () => {
  assert.deepEqual(wrapped(['uplink    kafka offline, exactly-once'], 24, 10), [
    'uplink    kafka offline,',
    '          exactly-once',
  ])
  assert.deepEqual(wrapped(['    one two three', 'short'], 11), [
    '    one two',
    '    three',
    'short',
  ])
  assert.deepEqual(wrapped(['  a column   and what it is'], 20), [
    '  a column   and',
    '  what it is',
  ])
})

test('colours take no width, and a word that is too long stays whole', () => {
  const red = '\u001b[31mred\u001b[39m'
  assert.deepEqual(wrapped([`${red} and blue`], 12), [`${red} and blue`])
  assert.deepEqual(wrapped([`${red} and blue`], 8), [`${red} and`, 'blue'])
  assert.deepEqual(wrapped(['see https://a.very/long/address now'], 10), [
    'see',
    'https://a.very/long/address',
    'now',
  ])
})

test('what no person reads is left as it is', () => {
  const text = 'x '.repeat(500)
  assert.equal(wrappedText(text, terminalColumns({ isTTY: false, columns: 80 })), text)
  assert.equal(terminalColumns({ isTTY: true, columns: 80 }), 80)
})
