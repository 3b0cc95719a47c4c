import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** One payload and what cantools makes of it; written by `oracle.py`. */
export interface Vector {
  readonly id: number
  readonly ext: boolean
  readonly fd: boolean
  readonly name: string
  /** Hexadecimal. */
  readonly data: string
  readonly raw: Readonly<Record<string, number | string>>
  readonly phys: Readonly<Record<string, number | string>>
}

/** A DBC file with its vectors. */
export interface VectorCase {
  readonly name: string
  readonly file: string
  readonly vectors: readonly Vector[]
}

const CASES = new URL('cases/', import.meta.url)
const SHARED = new URL('../../../../shared/data/can/', import.meta.url)

/** The project's own cases, all but the broken ones. */
export function ownCases(): VectorCase[] {
  const names = readdirSync(CASES).filter((name) => name !== 'broken')
  return names.map((name) => ({
    name,
    file: new URL(`${name}/${name}.dbc`, CASES).pathname,
    vectors: read(new URL(`${name}/vectors.jsonl`, CASES)),
  }))
}

/** Vectors of real DBC files that lie beside the checkout; says so where they do not. */
export function sharedCases(): VectorCase[] {
  if (!existsSync(SHARED)) {
    console.log('# vectors of 41 real DBC files not found: only the own cases are compared')
    return []
  }
  return readdirSync(new URL('vectors/', SHARED)).map((file) => {
    const [folder, name] = basename(file, '.jsonl').split('__')
    return {
      name: `${folder}/${name}`,
      file: new URL(`dbc/${folder}/${name}.dbc`, SHARED).pathname,
      vectors: read(new URL(`vectors/${file}`, SHARED)),
    }
  })
}

/** Path of a file of the project's own cases. */
export function casePath(path: string): string {
  return new URL(path, CASES).pathname
}

function read(url: URL): Vector[] {
  const lines = readFileSync(url, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}
