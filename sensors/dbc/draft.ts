/** What a DBC file says, statement by statement, before anything is linked. */
export interface Draft {
  version: string
  nodes: string[]
  messages: DraftMessage[]
  comments: { kind: string; id: number; name: string; text: string }[]
  definitions: Map<string, { type: string; choices: string[]; fallback: string | undefined }>
  fallbacks: Map<string, string>
  attributes: DraftAttribute[]
  choices: DraftChoices[]
  valueTables: Map<string, [string, string][]>
  valueTypes: { id: number; signal: string; type: number; line: number }[]
  muxValues: DraftMuxValues[]
  groups: { id: number; name: string; repetitions: number; signals: string[] }[]
  senders: { id: number; nodes: string[] }[]
  environment: string[]
  /** Line of the last token. */
  lastLine: number
}

export interface DraftMessage {
  /** As written: bit 31 marks an extended identifier. */
  id: number
  name: string
  length: number
  sender: string
  signals: DraftSignal[]
  line: number
}

export interface DraftSignal {
  name: string
  /** `M`, `m3`, `m3M` or empty. */
  marker: string
  startBit: number
  bitLength: number
  littleEndian: boolean
  signed: boolean
  factor: string
  offset: string
  minimum: string
  maximum: string
  unit: string
  receivers: string[]
  line: number
}

export interface DraftAttribute {
  name: string
  kind: 'BO_' | 'SG_' | 'BU_' | 'EV_' | ''
  id: number
  target: string
  value: string
  line: number
}

export interface DraftChoices {
  id: number
  signal: string
  pairs: [string, string][]
  line: number
}

export interface DraftMuxValues {
  id: number
  signal: string
  multiplexer: string
  ranges: { from: number; to: number }[]
  line: number
}

export function emptyDraft(): Draft {
  return {
    version: '',
    nodes: [],
    messages: [],
    comments: [],
    definitions: new Map(),
    fallbacks: new Map(),
    attributes: [],
    choices: [],
    valueTables: new Map(),
    valueTypes: [],
    muxValues: [],
    groups: [],
    senders: [],
    environment: [],
    lastLine: 1,
  }
}
