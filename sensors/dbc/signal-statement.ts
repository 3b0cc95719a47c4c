import type { DraftSignal } from './draft.ts'
import { integer, limits, names } from './phrases.ts'
import type { Tokens } from './tokens.ts'

/** A multiplexer, a signal of one of its branches, or both (`m0M`). */
const MARKER = /^(?:M|m\d+M?)$/

/** `SG_`, after its keyword. */
export function signal(tokens: Tokens, line: number): DraftSignal {
  const name = tokens.take('WORD', "the signal's name")
  let marker = ''
  if (tokens.kind === 'WORD') {
    marker = tokens.text
    if (!MARKER.test(marker)) tokens.fail(`expected M, m0 or m0M, found ${tokens.found()}`)
    tokens.advance()
  }
  tokens.take(':', '":" after the signal\'s name')
  const startBit = integer(tokens, 'the start bit')
  tokens.take('|', '"|"')
  const bitLength = integer(tokens, 'the length in bits')
  tokens.take('@', '"@"')
  if (tokens.text !== '0' && tokens.text !== '1') {
    tokens.fail(`expected the byte order, 0 or 1, found ${tokens.found()}`)
  }
  const littleEndian = tokens.take('NUMBER', 'the byte order, 0 or 1') === '1'
  const signed = tokens.take('SIGN', '+ for unsigned or - for signed') === '-'
  tokens.take('(', '"("')
  const factor = tokens.take('NUMBER', 'the factor')
  tokens.take(',', '","')
  const offset = tokens.take('NUMBER', 'the offset')
  tokens.take(')', '")"')
  const [minimum, maximum] = limits(tokens)
  const unit = tokens.take('STRING', 'the unit as a string')
  const receivers = names(tokens, 'a receiver')
  return {
    name,
    marker,
    startBit,
    bitLength,
    littleEndian,
    signed,
    factor,
    offset,
    minimum,
    maximum,
    unit,
    receivers,
    line,
  }
}
