// What statements of a DBC file have in common: each takes its tokens or refuses the file.
import type { Tokens } from './tokens.ts'

const INTEGER = /^[-+]?\d+$/

export function limits(tokens: Tokens): [minimum: string, maximum: string] {
  tokens.take('[', '"["')
  const minimum = tokens.take('NUMBER', 'the minimum')
  tokens.take('|', '"|"')
  const maximum = tokens.take('NUMBER', 'the maximum')
  tokens.take(']', '"]"')
  return [minimum, maximum]
}

export function pairs(tokens: Tokens): [string, string][] {
  const found: [string, string][] = []
  while (tokens.kind === 'NUMBER') {
    if (!INTEGER.test(tokens.text)) tokens.fail(`expected an integer, found ${tokens.found()}`)
    const raw = tokens.take('NUMBER', 'a raw value')
    found.push([raw, tokens.take('STRING', 'the text of a raw value')])
  }
  end(tokens)
  return found
}

export function names(tokens: Tokens, what: string): string[] {
  const found = [tokens.take('WORD', what)]
  while (tokens.skip(',')) found.push(tokens.take('WORD', what))
  return found
}

/** An attribute's value. Whether it is a number its definition tells, not the quotes. */
export function value(tokens: Tokens): string {
  if (tokens.kind === 'NUMBER') return tokens.take('NUMBER', 'a value')
  return tokens.take('STRING', 'a number or a string')
}

export function frameId(tokens: Tokens): number {
  return integer(tokens, 'the identifier of a message')
}

export function integer(tokens: Tokens, what: string): number {
  if (tokens.kind === 'NUMBER' && !INTEGER.test(tokens.text)) {
    tokens.fail(`expected ${what} as an integer, found ${tokens.found()}`)
  }
  return Number(tokens.take('NUMBER', what))
}

export function end(tokens: Tokens): void {
  tokens.take(';', '";" at the end of the statement')
}
