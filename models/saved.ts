import { readFileSync } from 'node:fs'
import { sha256Of } from './bundle/canonical.ts'
import { ModelError } from './errors.ts'

const TYPES = { Float32Array, Float64Array, Uint32Array } as const
type TypeName = keyof typeof TYPES
export type SavedArray = InstanceType<(typeof TYPES)[TypeName]>

/** A state as it lies in a file: JSON, and arrays of numbers by name. */
export interface Saved {
  readonly meta: Record<string, unknown>
  readonly arrays: Readonly<Record<string, SavedArray>>
}

interface Header {
  readonly sha256: string
  readonly meta: Record<string, unknown>
  readonly arrays: readonly { name: string; type: TypeName; length: number }[]
}

/** A line of JSON with the hash of what follows it, then the arrays, little-endian, one by one. */
export function packState({ meta, arrays }: Saved): Buffer {
  const entries = Object.entries(arrays)
  const body = Buffer.concat(
    entries.map(([, { buffer, byteOffset, byteLength }]) =>
      Buffer.from(buffer, byteOffset, byteLength),
    ),
  )
  const listed = entries.map(([name, array]) => ({
    name,
    type: array.constructor.name as TypeName,
    length: array.length,
  }))
  const about = JSON.stringify({ meta, arrays: listed })
  const header = JSON.stringify({ sha256: hashOf(about, body), meta, arrays: listed })
  return Buffer.concat([Buffer.from(`${header}\n`), body])
}

function hashOf(about: string, body: Uint8Array): string {
  return sha256Of(Buffer.concat([Buffer.from(about), body]))
}

/** @throws ModelError `STATE_CORRUPT` with the reason, where it is not what `packState` made */
export function unpackState(bytes: Buffer): Saved {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ModelError('STATE_CORRUPT', why, {
      cause,
      hint: 'It is left out, and what it held begins anew: nothing is to be done.',
    })
  }
  const end = bytes.indexOf(0x0a)
  if (end < 0) return refuse('no header')
  let header: Header
  try {
    header = JSON.parse(bytes.toString('utf8', 0, end))
    const about = JSON.stringify({ meta: header.meta, arrays: header.arrays })
    if (hashOf(about, bytes.subarray(end + 1)) !== header.sha256) return refuse('its hash differs')
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    return refuse('no header', cause)
  }
  const arrays: Record<string, SavedArray> = {}
  let at = end + 1
  for (const { name, type, length } of header.arrays) {
    const size = length * TYPES[type].BYTES_PER_ELEMENT
    // A copy: arrays must begin on multiples of their elements.
    arrays[name] = new TYPES[type](Uint8Array.from(bytes.subarray(at, at + size)).buffer)
    at += size
  }
  return { meta: header.meta, arrays }
}

/** The bytes of a file; undefined where there is none. */
export function readState(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
