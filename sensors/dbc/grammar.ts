import { type Draft, type DraftAttribute, type DraftSignal, emptyDraft } from './draft.ts'
import { end, frameId, integer, limits, names, pairs, value } from './phrases.ts'
import { signal } from './signal-statement.ts'
import { Tokens } from './tokens.ts'

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
  // In the specification, said nowhere to matter for decoding, and hardly ever written.
  SGTYPE_: passOver,
  SGTYPE_VAL_: passOver,
  SIG_TYPE_REF_: passOver,
  SIGTYPE_VALTYPE_: passOver,
  BA_DEF_SGTYPE_: passOver,
  BA_SGTYPE_: passOver,
  CAT_DEF_: passOver,
  CAT_: passOver,
  FILTER: passOver,
  EV_DATA_: passOver,
}

function passOver(tokens: Tokens): void {
  // A keyword would be the next statement: this one has no end.
  while (tokens.kind !== ';' && tokens.kind !== 'END' && !STATEMENTS[tokens.kind]) tokens.advance()
  end(tokens)
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
