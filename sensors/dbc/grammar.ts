import { type Draft, type DraftAttribute, type DraftSignal, emptyDraft } from './draft.ts'
import { Tokens } from './tokens.ts'

const INTEGER = /^[-+]?\d+$/
const MARKER = /^(?:M|m\d+M?)$/

type Statement = (tokens: Tokens, draft: Draft, line: number) => void

/** Reads the statements of a DBC file in any order. The grammar is the one that cantools accepts. */
export function readStatements(source: string, file: string): Draft {
  const tokens: Tokens = new Tokens(source, file)
  const draft = emptyDraft()
  while (tokens.kind !== 'END') {
    const statement = STATEMENTS[tokens.kind]
    if (!statement) tokens.fail(`expected the keyword of a statement, found ${tokens.found()}`)
    const line = tokens.line
    tokens.advance()
    statement(tokens, draft, line)
    draft.lastLine = line
  }
  draft.lastLine = tokens.line
  return draft
}

const STATEMENTS: Record<string, Statement | undefined> = {
  VERSION(tokens, draft) {
    draft.version = tokens.take('STRING', 'the version as a string')
  },
  NS_(tokens) {
    // Names of new symbols, keywords among them, up to the next `KEYWORD:`.
    tokens.take(':', '":"')
    while (tokens.kind !== 'END' && !(tokens.kind === 'BS_' || tokens.kind === 'BU_')) {
      if (tokens.kind !== 'WORD' && !tokens.kind.endsWith('_') && tokens.kind !== 'FILTER') return
      tokens.advance()
    }
  },
  BS_(tokens) {
    tokens.take(':', '":"')
    // Bit timing is obsolete but in the specification: `BS_: 500 : 1,2`.
    if (tokens.skip('NUMBER') && tokens.skip(':')) {
      tokens.take('NUMBER', 'a bit timing register')
      if (tokens.skip(',')) tokens.take('NUMBER', 'a bit timing register')
    }
  },
  BU_(tokens, draft) {
    tokens.take(':', '":"')
    while (tokens.kind === 'WORD') draft.nodes.push(tokens.take('WORD', 'a node'))
  },
  BO_(tokens, draft, line) {
    const id = frameId(tokens)
    const name = tokens.take('WORD', "the message's name")
    tokens.take(':', '":" after the message\'s name')
    const length = integer(tokens, "the message's length")
    const sender = tokens.take('WORD', "the message's sender")
    const signals: DraftSignal[] = []
    while (tokens.kind === 'SG_') {
      const at = tokens.line
      tokens.advance()
      signals.push(signal(tokens, at))
    }
    draft.messages.push({ id, name, length, sender, signals, line })
  },
  CM_(tokens, draft) {
    const kind = tokens.kind
    let id = 0
    let name = ''
    if (kind === 'SG_' || kind === 'BO_') {
      tokens.advance()
      id = frameId(tokens)
      if (kind === 'SG_') name = tokens.take('WORD', "the signal's name")
    } else if (kind === 'BU_' || kind === 'EV_') {
      tokens.advance()
      name = tokens.take('WORD', 'a name')
    }
    const text = tokens.take('STRING', 'the comment as a string')
    draft.comments.push({ kind: kind === 'STRING' ? '' : kind, id, name, text })
    end(tokens)
  },
  BA_DEF_(tokens, draft) {
    if (['SG_', 'BO_', 'EV_', 'BU_'].includes(tokens.kind)) tokens.advance()
    definition(tokens, draft)
  },
  BA_DEF_REL_(tokens, draft) {
    if (tokens.kind.startsWith('BU_') && tokens.kind.endsWith('_REL_')) tokens.advance()
    definition(tokens, draft)
  },
  BA_DEF_DEF_(tokens, draft) {
    const name = tokens.take('STRING', "the attribute's name")
    draft.fallbacks.set(name, value(tokens))
    end(tokens)
  },
  BA_DEF_DEF_REL_(tokens) {
    tokens.take('STRING', "the attribute's name")
    value(tokens)
    end(tokens)
  },
  BA_(tokens, draft, line) {
    const name = tokens.take('STRING', "the attribute's name")
    let kind: DraftAttribute['kind'] = ''
    let id = 0
    let target = ''
    if (tokens.kind === 'BO_' || tokens.kind === 'SG_') {
      kind = tokens.kind
      tokens.advance()
      id = frameId(tokens)
      if (kind === 'SG_') target = tokens.take('WORD', "the signal's name")
    } else if (tokens.kind === 'BU_' || tokens.kind === 'EV_') {
      kind = tokens.kind
      tokens.advance()
      target = tokens.take('WORD', 'a name')
    }
    draft.attributes.push({ name, kind, id, target, value: value(tokens), line })
    end(tokens)
  },
  BA_REL_(tokens) {
    // Attributes of a node's relation to a signal or message: nothing that decoding needs.
    tokens.take('STRING', "the attribute's name")
    const kind = tokens.kind
    if (tokens.skip('BU_SG_REL_')) {
      tokens.take('WORD', 'a node')
      tokens.take('SG_', '"SG_"')
      frameId(tokens)
      tokens.take('WORD', "the signal's name")
    } else if (tokens.skip('BU_BO_REL_')) {
      tokens.take('WORD', 'a node')
      frameId(tokens)
    } else if (tokens.skip('BU_EV_REL_')) {
      tokens.take('WORD', 'a node')
      tokens.take('WORD', 'an environment variable')
    } else tokens.fail(`expected a kind of relation, found ${JSON.stringify(kind)}`)
    value(tokens)
    end(tokens)
  },
  VAL_(tokens, draft, line) {
    // Without an identifier it belongs to an environment variable.
    const id = tokens.kind === 'NUMBER' ? frameId(tokens) : -1
    const name = tokens.take('WORD', "the signal's name")
    const found = pairs(tokens)
    if (id >= 0 && found.length > 0) draft.choices.push({ id, signal: name, pairs: found, line })
  },
  VAL_TABLE_(tokens, draft) {
    const name = tokens.take('WORD', "the table's name")
    draft.valueTables.set(name, pairs(tokens))
  },
  SIG_VALTYPE_(tokens, draft, line) {
    const id = frameId(tokens)
    const name = tokens.take('WORD', "the signal's name")
    // The specification has no colon here, CANdb++ writes one.
    tokens.skip(':')
    draft.valueTypes.push({ id, signal: name, type: integer(tokens, 'the value type'), line })
    end(tokens)
  },
  SG_MUL_VAL_(tokens, draft, line) {
    const id = frameId(tokens)
    const name = tokens.take('WORD', "the signal's name")
    const multiplexer = tokens.take('WORD', "the multiplexer's name")
    const ranges: { from: number; to: number }[] = []
    do {
      // `3-5` is read as the numbers 3 and -5.
      const from = integer(tokens, 'the first value of a range')
      const to = -integer(tokens, 'the last value of a range')
      if (to < from || from < 0) tokens.fail(`the range ${from}-${to} is empty`)
      ranges.push({ from, to })
    } while (tokens.skip(','))
    draft.muxValues.push({ id, signal: name, multiplexer, ranges, line })
    end(tokens)
  },
  BO_TX_BU_(tokens, draft) {
    const id = frameId(tokens)
    tokens.take(':', '":"')
    draft.senders.push({ id, nodes: names(tokens, 'a node') })
    end(tokens)
  },
  SIG_GROUP_(tokens, draft) {
    const id = frameId(tokens)
    const name = tokens.take('WORD', "the group's name")
    const repetitions = integer(tokens, 'the repetitions')
    tokens.take(':', '":"')
    const signals: string[] = []
    while (tokens.kind === 'WORD') signals.push(tokens.take('WORD', 'a signal'))
    draft.groups.push({ id, name, repetitions, signals })
    end(tokens)
  },
  EV_(tokens, draft) {
    draft.environment.push(tokens.take('WORD', "the variable's name"))
    tokens.take(':', '":"')
    tokens.take('NUMBER', "the variable's type")
    limits(tokens)
    tokens.take('STRING', 'the unit as a string')
    tokens.take('NUMBER', 'the initial value')
    tokens.take('NUMBER', "the variable's number")
    tokens.take('WORD', 'the access type')
    names(tokens, 'an access node')
    end(tokens)
  },
  ENVVAR_DATA_(tokens) {
    tokens.take('WORD', "the variable's name")
    tokens.take(':', '":"')
    tokens.take('NUMBER', 'the size')
    end(tokens)
  },
}

function signal(tokens: Tokens, line: number): DraftSignal {
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

function definition(tokens: Tokens, draft: Draft): void {
  const name = tokens.take('STRING', "the attribute's name")
  const type = tokens.take('WORD', "the attribute's type")
  const choices: string[] = []
  if (tokens.kind === 'STRING') {
    do choices.push(tokens.take('STRING', 'a choice'))
    while (tokens.skip(','))
  } else while (tokens.kind === 'NUMBER') tokens.advance()
  draft.definitions.set(name, { type, choices, fallback: undefined })
  end(tokens)
}

function limits(tokens: Tokens): [minimum: string, maximum: string] {
  tokens.take('[', '"["')
  const minimum = tokens.take('NUMBER', 'the minimum')
  tokens.take('|', '"|"')
  const maximum = tokens.take('NUMBER', 'the maximum')
  tokens.take(']', '"]"')
  return [minimum, maximum]
}

function pairs(tokens: Tokens): [string, string][] {
  const found: [string, string][] = []
  while (tokens.kind === 'NUMBER') {
    if (!INTEGER.test(tokens.text)) tokens.fail(`expected an integer, found ${tokens.found()}`)
    const raw = tokens.take('NUMBER', 'a raw value')
    found.push([raw, tokens.take('STRING', 'the text of a raw value')])
  }
  end(tokens)
  return found
}

function names(tokens: Tokens, what: string): string[] {
  const found = [tokens.take('WORD', what)]
  while (tokens.skip(',')) found.push(tokens.take('WORD', what))
  return found
}

/** An attribute's value. Whether it is a number its definition tells, not the quotes. */
function value(tokens: Tokens): string {
  if (tokens.kind === 'NUMBER') return tokens.take('NUMBER', 'a value')
  return tokens.take('STRING', 'a number or a string')
}

function frameId(tokens: Tokens): number {
  return integer(tokens, 'the identifier of a message')
}

function integer(tokens: Tokens, what: string): number {
  if (tokens.kind === 'NUMBER' && !INTEGER.test(tokens.text)) {
    tokens.fail(`expected ${what} as an integer, found ${tokens.found()}`)
  }
  return Number(tokens.take('NUMBER', what))
}

function end(tokens: Tokens): void {
  tokens.take(';', '";" at the end of the statement')
}
