import type { DbcSignal, MuxCondition } from './database.ts'
import { DbcError } from './dbc-error.ts'
import type { DraftMessage, DraftSignal } from './draft.ts'
import { bitMask, bytesNeeded } from './layout.ts'
import { keyOf, type LinkContext } from './link-context.ts'
import { planMux } from './link-mux.ts'

/** No signal is longer than the longest message. */
const MAX_SIGNAL_BITS = 8 * 1785
const MAX_START_BIT = 8 * 1785 - 1
const FLOAT_BITS = new Set([16, 32, 64])
const INTEGER = /^[-+]?\d+$/

type Built = { -readonly [K in keyof DbcSignal]: DbcSignal[K] }

/**
 * The signals of a message that can be read. A signal that cannot (outside the message, under a
 * multiplexer that is not there, a second one of its name) is left out with a warning, as real files
 * have a few of them among hundreds of good ones; where none is left the file is refused.
 */
export function linkSignals(
  draft: DraftMessage,
  j1939: boolean,
  context: LinkContext,
): readonly DbcSignal[] {
  for (const signal of draft.signals) check(signal, draft, context)
  const fitting = draft.signals.filter((signal) => {
    if (bytesNeeded(signal) <= draft.length) return true
    // Over J1939's transport protocol a message may be longer than the file says.
    context.warn(
      signal.line,
      `signal ${signal.name} does not fit into the ${draft.length} bytes of message ${draft.name}: left out`,
    )
    return false
  })
  if (fitting.length === 0 && draft.signals.length > 0 && !j1939) {
    const { name, line } = draft.signals[0]
    throw new DbcError(
      'DBC_INVALID',
      context.file,
      line,
      `signal ${name} does not fit into the ${draft.length} bytes of message ${draft.name}`,
      `Correct the length in the BO_ line of ${draft.name}, or the signal's start bit.`,
    )
  }
  const plan = planMux(draft, fitting, context)
  const built = new Map<DraftSignal, Built>()
  for (const signal of plan.keys()) built.set(signal, build(signal, draft, context))
  for (const [signal, mux] of plan) {
    const multiplexer = mux && built.get(mux.multiplexer)
    if (mux && multiplexer) {
      built.get(signal)!.mux = { multiplexer, ranges: mux.ranges }
      multiplexer.isMultiplexer = true
    }
  }
  const signals = withoutTwins(draft, [...built.values()], context)
  warnOverlaps(draft, signals, context)
  return signals
}

function check(signal: DraftSignal, message: DraftMessage, context: LinkContext): void {
  const refuse = (reason: string, hint: string): never => {
    const text = `signal ${signal.name} of message ${message.name}: ${reason}`
    throw new DbcError('DBC_INVALID', context.file, signal.line, text, hint)
  }
  const { startBit, bitLength } = signal
  if (bitLength <= 0) refuse(`a length of ${bitLength} bits`, 'A signal has at least one bit.')
  if (startBit < 0 || startBit > MAX_START_BIT || bitLength > MAX_SIGNAL_BITS) {
    refuse(`${startBit}|${bitLength} lies outside every CAN message`, 'Correct the start bit.')
  }
  for (const text of [signal.factor, signal.offset]) {
    if (!Number.isFinite(Number(text))) refuse(`${text} is too large`, 'Correct the number.')
  }
  if (isFloat(signal, message, context) && !FLOAT_BITS.has(bitLength)) {
    refuse(
      `a floating-point number of ${bitLength} bits`,
      'SIG_VALTYPE_ makes it a float: that has 16, 32 or 64 bits.',
    )
  }
}

function build(signal: DraftSignal, message: DraftMessage, context: LinkContext): Built {
  const key = keyOf(message.id, signal.name)
  const attributes = context.attributes.of('SG_', message.id, signal.name)
  const spn = context.attributes.withDefault(attributes, 'SPN')
  const unlimited = signal.minimum === '0' && signal.maximum === '0'
  return {
    name: String(attributes.get('SystemSignalLongSymbol') ?? signal.name),
    shortName: signal.name,
    startBit: signal.startBit,
    bitLength: signal.bitLength,
    littleEndian: signal.littleEndian,
    signed: signal.signed,
    float: isFloat(signal, message, context),
    factor: Number(signal.factor),
    offset: Number(signal.offset),
    exactFactor: exact(signal.factor),
    exactOffset: exact(signal.offset),
    minimum: unlimited ? undefined : Number(signal.minimum),
    maximum: unlimited ? undefined : Number(signal.maximum),
    unit: signal.unit,
    receivers: signal.receivers.filter((name) => name !== 'Vector__XXX'),
    comment: context.comments.get(`SG_${key}`),
    choices: context.choices.get(key),
    spn: typeof spn === 'number' && spn > 0 ? spn : undefined,
    attributes,
    isMultiplexer: false,
    mux: undefined as MuxCondition | undefined,
    line: signal.line,
  }
}

function isFloat(signal: DraftSignal, message: DraftMessage, context: LinkContext): boolean {
  // 1 is float, 2 is double; which one is decided by the length, as in cantools.
  const type = context.valueTypes.get(keyOf(message.id, signal.name))
  return type === 1 || type === 2
}

function exact(text: string): bigint | undefined {
  if (INTEGER.test(text)) return BigInt(text.replace('+', ''))
  const number = Number(text)
  return Number.isInteger(number) ? BigInt(number) : undefined
}

/** Can both be in one frame? Not if some multiplexer above both has to have different values. */
function mayMeet(a: DbcSignal, b: DbcSignal): boolean {
  for (let one = a.mux; one; one = one.multiplexer.mux) {
    for (let other = b.mux; other; other = other.multiplexer.mux) {
      if (one.multiplexer !== other.multiplexer) continue
      const { ranges } = other
      const common = one.ranges.some((r) => ranges.some((q) => r.from <= q.to && q.from <= r.to))
      if (!common) return false
    }
  }
  return true
}

/**
 * Two signals of one name are fine in two branches, but one frame cannot show both. The one that
 * begins first in the payload stays, which is the one whose value cantools gives.
 */
function withoutTwins(
  draft: DraftMessage,
  signals: readonly DbcSignal[],
  context: LinkContext,
): readonly DbcSignal[] {
  const byName = new Map<string, DbcSignal[]>()
  for (const signal of signals.toSorted((a, b) => a.startBit - b.startBit)) {
    const twins = byName.get(signal.name) ?? []
    if (twins.some((twin) => mayMeet(twin, signal))) {
      context.warn(
        signal.line,
        `message ${draft.name} has a second signal ${signal.name}: left out`,
      )
    } else byName.set(signal.name, [...twins, signal])
  }
  return signals.filter((signal) => byName.get(signal.name)!.includes(signal))
}

/** cantools refuses overlaps in strict mode; many real files have them on purpose. */
function warnOverlaps(
  draft: DraftMessage,
  signals: readonly DbcSignal[],
  context: LinkContext,
): void {
  const masks = signals.map(bitMask)
  const all = { seen: 0n }
  for (let i = 0; i < signals.length; i++) {
    if ((all.seen & masks[i]) !== 0n) {
      const other = signals.findIndex(
        (signal, j) => j < i && (masks[j] & masks[i]) !== 0n && mayMeet(signal, signals[i]),
      )
      if (other >= 0) {
        context.warn(
          signals[i].line,
          `signals ${signals[other].name} and ${signals[i].name} of message ${draft.name} overlap`,
        )
      }
    }
    all.seen |= masks[i]
  }
}
