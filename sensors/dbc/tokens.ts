import { DbcError } from './dbc-error.ts'

/** Words that may not be used as names. */
const KEYWORDS = new Set(
  `BA_ BA_DEF_ BA_DEF_DEF_ BA_DEF_DEF_REL_ BA_DEF_REL_ BA_DEF_SGTYPE_ BA_REL_ BA_SGTYPE_ BO_
  BO_TX_BU_ BS_ BU_ BU_BO_REL_ BU_EV_REL_ BU_SG_REL_ CAT_ CAT_DEF_ CM_ ENVVAR_DATA_ EV_ EV_DATA_
  FILTER NS_ NS_DESC_ SG_ SG_MUL_VAL_ SGTYPE_ SGTYPE_VAL_ SIG_GROUP_ SIG_TYPE_REF_ SIG_VALTYPE_
  SIGTYPE_VALTYPE_ VAL_ VAL_TABLE_ VERSION`.split(/\s+/),
)

const BLANK = /(?:[ \r\n\t]+|\/\/[^\n]*)+/y
const NUMBER = /[-+]?\d+\.?\d*(?:[eE][+-]?\d+)?/y
const WORD = /[A-Za-z0-9_]+/y
const PUNCTUATION = '()[],|@;:'

/** `NUMBER`, `WORD`, `STRING`, `SIGN` (a lone + or -), `END`, a keyword, or the punctuation itself. */
export type TokenKind = string

/** How much of an unexpected line is shown. */
const SHOWN_CHARS = 80

/**
 * Walks over the tokens of a DBC file. What is a token is as cantools sees it: a name never begins
 * with a digit, `\"` is a quote inside a string, strings run over lines, `//` comments a line out.
 */
export class Tokens {
  kind: TokenKind = 'END'
  /** Text of the token; of a string, what is between the quotes. */
  text = ''
  /** Line of the token, from 1. */
  line = 1
  readonly #source: string
  readonly #file: string
  #start = 0
  #next = 0
  #lineAt = 0

  constructor(source: string, file: string) {
    this.#source = source
    this.#file = file
    this.advance()
  }

  advance(): void {
    const source = this.#source
    BLANK.lastIndex = this.#next
    if (BLANK.test(source)) this.#next = BLANK.lastIndex
    this.#countLines(this.#next)
    this.#start = this.#next
    if (this.#start === source.length) {
      this.kind = 'END'
      this.text = ''
      return
    }
    NUMBER.lastIndex = this.#start
    WORD.lastIndex = this.#start
    const char = source[this.#start]
    if (NUMBER.test(source)) this.#take('NUMBER', NUMBER.lastIndex)
    else if (WORD.test(source)) {
      this.#take('WORD', WORD.lastIndex)
      if (KEYWORDS.has(this.text)) this.kind = this.text
    } else if (char === '"') this.#string()
    else if (char === '+' || char === '-') this.#take('SIGN', this.#start + 1)
    else if (PUNCTUATION.includes(char)) this.#take(char, this.#start + 1)
    else this.fail(`unexpected ${JSON.stringify(char)}`)
  }

  /** Takes a token of this kind and returns its text; `what` names it for the error. */
  take(kind: TokenKind, what: string): string {
    if (this.kind !== kind) this.fail(`expected ${what}, found ${this.found()}`)
    const text = this.text
    this.advance()
    return text
  }

  /** Takes the token if it is of this kind. */
  skip(kind: TokenKind): boolean {
    if (this.kind !== kind) return false
    this.advance()
    return true
  }

  found(): string {
    if (this.kind === 'END') return 'the end of the file'
    if (this.kind === 'STRING') return 'a string'
    return JSON.stringify(this.text)
  }

  fail(reason: string): never {
    const begin = this.#source.lastIndexOf('\n', this.#start - 1) + 1
    const stop = this.#source.indexOf('\n', this.#start)
    const line = this.#source.slice(begin, stop < 0 ? undefined : stop).trim()
    const shown = line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}…` : line
    const column = this.#start - begin + 1
    throw new DbcError(
      'DBC_SYNTAX',
      this.#file,
      this.line,
      `${reason} at column ${column}${shown ? `: ${shown}` : ''}`,
      'Correct this line, or export the file again from the tool that made it.',
    )
  }

  #take(kind: TokenKind, end: number): void {
    this.kind = kind
    this.text = this.#source.slice(this.#start, end)
    this.#next = end
  }

  #string(): void {
    const source = this.#source
    let end = source.indexOf('"', this.#start + 1)
    let lastEscaped = -1
    while (end > 0 && source[end - 1] === '\\' && end - 1 > this.#start) {
      lastEscaped = end
      end = source.indexOf('"', end + 1)
    }
    // A path such as "C:\" ends in a backslash: with no other quote behind it, it ends the string.
    if (end < 0) end = lastEscaped
    if (end < 0) this.fail('a string that is never closed')
    this.kind = 'STRING'
    this.text = source.slice(this.#start + 1, end).replaceAll('\\"', '"')
    this.#next = end + 1
  }

  #countLines(to: number): void {
    for (;;) {
      const newline = this.#source.indexOf('\n', this.#lineAt)
      if (newline < 0 || newline >= to) return
      this.line++
      this.#lineAt = newline + 1
    }
  }
}
