import { AttributeTable } from './attributes.ts'
import type { Database, DbcMessage, DbcWarning, RawKey } from './database.ts'
import { DbcError } from './dbc-error.ts'
import type { Draft, DraftMessage } from './draft.ts'
import { keyOf, type LinkContext } from './link-context.ts'
import { linkSignals } from './link-signals.ts'

/** Signals that belong to no message stand in a message of this name. */
const INDEPENDENT = 'VECTOR__INDEPENDENT_SIG_MSG'
const NOBODY = 'Vector__XXX'
const EXTENDED = 0x80000000
/** Longest payload of J1939-21's transport protocol; longer ones do not exist on CAN here. */
export const MAX_MESSAGE_BYTES = 1785

/** Joins the statements of a file into messages. Throws `DbcError` where they contradict each other. */
export function link(draft: Draft, file: string): Database {
  const warnings: DbcWarning[] = []
  const context: LinkContext = {
    file,
    draft,
    attributes: new AttributeTable(draft, file),
    choices: new Map(draft.choices.map((c) => [keyOf(c.id, c.signal), choiceMap(c.pairs)])),
    valueTypes: new Map(draft.valueTypes.map((v) => [keyOf(v.id, v.signal), v.type])),
    comments: new Map(draft.comments.map((c) => [`${c.kind}${keyOf(c.id, c.name)}`, c.text])),
    warn: (line, reason) => warnings.push({ file, line, reason }),
  }
  refuseNothing(draft, file)
  refuseDangling(draft, file)
  const messages = draft.messages
    .filter((message) => message.name !== INDEPENDENT)
    .map((message) => linkMessage(message, context))
  const busComments = draft.comments.filter((comment) => comment.kind === '')
  return {
    file,
    version: draft.version,
    nodes: draft.nodes,
    messages,
    valueTables: new Map([...draft.valueTables].map(([name, found]) => [name, choiceMap(found)])),
    comment: busComments.length > 0 ? busComments.map((c) => c.text).join('') : undefined,
    attributes: context.attributes.of('', 0, ''),
    environment: draft.environment,
    warnings,
  }
}

function linkMessage(draft: DraftMessage, context: LinkContext): DbcMessage {
  const { id: rawId, line } = draft
  const refuse = (reason: string, hint: string): never => {
    throw new DbcError('DBC_INVALID', context.file, line, `message ${draft.name}: ${reason}`, hint)
  }
  const ext = rawId >= EXTENDED
  const id = ext ? rawId - EXTENDED : rawId
  if (rawId < 0 || id > (ext ? 0x1fffffff : 0x7ff)) {
    refuse(
      `identifier ${rawId} (0x${Math.abs(rawId).toString(16)}) has more than ${ext ? 29 : 11} bits`,
      ext
        ? 'An extended identifier is its 29 bits plus 2147483648.'
        : 'If it is a 29-bit identifier, write it plus 2147483648; else correct it.',
    )
  }
  if (draft.length < 0 || draft.length > MAX_MESSAGE_BYTES) {
    refuse(
      `a payload of ${draft.length} bytes cannot be`,
      `CAN has up to 8 bytes, CAN FD 64, J1939 transport ${MAX_MESSAGE_BYTES}.`,
    )
  }
  const attributes = context.attributes.of('BO_', rawId, '')
  const format = context.attributes.frameFormat(attributes)
  const cycleTime = context.attributes.withDefault(attributes, 'GenMsgCycleTime')
  const senders = [draft.sender]
  for (const more of context.draft.senders) if (more.id === rawId) senders.push(...more.nodes)
  const j1939 = ext && format === 'J1939PG'
  return {
    name: String(attributes.get('SystemMessageLongSymbol') ?? draft.name),
    shortName: draft.name,
    id,
    ext,
    fd: format?.endsWith('CAN_FD') ?? false,
    j1939,
    length: draft.length,
    senders: [...new Set(senders)].filter((name) => name !== NOBODY),
    comment: context.comments.get(`BO_${keyOf(rawId)}`),
    cycleTimeMs: typeof cycleTime === 'number' && cycleTime > 0 ? cycleTime : undefined,
    attributes,
    signals: linkSignals(draft, j1939, context),
    groups: context.draft.groups.filter((group) => group.id === rawId),
    line,
    file: context.file,
  }
}

/**
 * A file without a single statement of content is an export gone wrong, and an agent that loads it
 * decodes nothing without a word. cantools takes it for an empty database.
 */
function refuseNothing(draft: Draft, file: string): void {
  const parts = [draft.nodes, draft.messages, draft.comments, draft.attributes, draft.environment]
  if (parts.some((part) => part.length > 0)) return
  if (draft.valueTables.size > 0 || draft.definitions.size > 0) return
  throw new DbcError(
    'DBC_INVALID',
    file,
    draft.lastLine,
    'the file ends without describing anything: no message, no node',
    'Export it again from the tool that made it; it must hold BO_ and SG_ lines.',
  )
}

/** As cantools: a value table or float type of a signal that is not there betrays a lost signal. */
function refuseDangling(draft: Draft, file: string): void {
  const known = new Set<string>()
  for (const message of draft.messages) {
    for (const signal of message.signals) known.add(keyOf(message.id, signal.name))
  }
  const claims = [
    ...draft.choices.map((claim) => ({ ...claim, keyword: 'VAL_' })),
    ...draft.valueTypes.map((claim) => ({ ...claim, keyword: 'SIG_VALTYPE_' })),
  ]
  for (const { id, signal, line, keyword } of claims.sort((a, b) => a.line - b.line)) {
    if (known.has(keyOf(id, signal))) continue
    throw new DbcError(
      'DBC_INVALID',
      file,
      line,
      `${keyword} speaks of signal ${signal} of message ${id}, which the file does not have`,
      'Correct the identifier or the name, or delete the line.',
    )
  }
}

function choiceMap(pairs: readonly [string, string][]): Map<RawKey, string> {
  return new Map(
    pairs.map(([raw, text]) => {
      const number = Number(raw)
      return [Number.isSafeInteger(number) ? number : BigInt(raw), text]
    }),
  )
}
