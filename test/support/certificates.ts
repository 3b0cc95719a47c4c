import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { needPrograms } from './programs.ts'

const run = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Files in PEM; `both` has key and certificate in one, as a Java broker takes them. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly both: string
}

/** An authority for a test, its files in `dir`. */
export class Authority {
  readonly #dir: string
  readonly #name: string

  private constructor(dir: string, name: string) {
    this.#dir = dir
    this.#name = name
  }

  static async make(dir: string, name = 'ca'): Promise<Authority> {
    needPrograms({ openssl: 'openssl' })
    const authority = new Authority(dir, name)
    await run('openssl', [
      ...['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=milepost test ${name}`],
      ...['-keyout', join(dir, `${name}.key`), '-out', authority.file],
    ])
    return authority
  }

  /** Its own certificate. */
  get file(): string {
    return join(this.#dir, `${this.#name}.pem`)
  }

  /** Signs one for `localhost` and 127.0.0.1; `days` below 0 gives one that is out of date. */
  async sign(name: string, { days = 2 } = {}): Promise<Certificate> {
    const at = (end: string) => join(this.#dir, `${name}.${end}`)
    await run('openssl', [
      ...['req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', at('key'), '-out', at('csr')],
    ])
    await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    await run('openssl', [
      ...['x509', '-req', '-in', at('csr'), '-days', String(days), '-extfile', at('names')],
      ...['-CA', this.file, '-CAkey', join(this.#dir, `${this.#name}.key`), '-CAcreateserial'],
      ...['-out', at('pem')],
    ])
    const both = at('both.pem')
    await writeFile(both, (await readFile(at('key'), 'utf8')) + (await readFile(at('pem'), 'utf8')))
    return { cert: at('pem'), key: at('key'), both }
  }
}
