import { AscFormat } from './asc.ts'
import { BusmasterFormat } from './busmaster.ts'
import { CandumpFormat } from './candump.ts'
import { GvretFormat } from './gvret.ts'
import type { BusNames } from './interfaces.ts'
import type { LineFormat } from './line-reader.ts'
import { MicrochipFormat } from './microchip.ts'
import { TrcFormat } from './trc.ts'

/** How a format is called, and told from others. */
export interface LineFormatKind {
  readonly name: string
  /** Matches a line that only this format has: of its header, or a frame. */
  readonly signature: RegExp
  make(buses: BusNames): LineFormat
}

/** Every format of lines; the first is taken where nothing can be told. */
export const LINE_FORMATS: readonly LineFormatKind[] = [
  {
    name: 'candump',
    signature:
      /^(\([\d.: -]+\)\s*)?[^\s;,]+\s+([RT]X [B-] [E-]\s+)?[\dA-F]{3}([\dA-F]{5})?(#|\s+[[{]\d+[\]}])/i,
    make: (buses) => new CandumpFormat(buses),
  },
  {
    name: 'asc',
    signature:
      /^(date\s+\S{2,3}\s|base\s+(hex|dec)\b|begin\s+triggerblock|(no\s+)?internal\s+events\s+logged|\d+\.\d+\s+(\d+\s+[\dA-F]+x?\s+[RT]x|CANFD\s+\d+\s+[RT]x)\b)/i,
    make: (buses) => new AscFormat(buses),
  },
  {
    name: 'trc',
    signature: /^(;\$(FILEVERSION|STARTTIME|COLUMNS)=|;---\+-|\d+\)\s+\d+(\.\d+)?\s+\S+\s+\S+\s)/i,
    make: (buses) => new TrcFormat(buses),
  },
  {
    name: 'gvret',
    signature: /^time stamp,id,extended,/i,
    make: (buses) => new GvretFormat(buses),
  },
  {
    name: 'busmaster',
    signature: /^\*\*\*(BUSMASTER|PROTOCOL CAN|<Time>)/i,
    make: (buses) => new BusmasterFormat(buses),
  },
  {
    name: 'microchip',
    signature: /^(Microchip Technology Inc|CAN BUS Analyzer|\d+(\.\d+)?;[RT]X;)/i,
    make: (buses) => new MicrochipFormat(buses),
  },
]
