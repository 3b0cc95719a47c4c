import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { ReleaseError } from '../../models/release/errors.ts'
import type { Passphrases } from '../../models/release/repository/keys.ts'

const ENV = 'MILEPOST_RELEASE_PASSPHRASE'

/**
 * Where the passphrase of a key comes from, in this order: the environment's
 * MILEPOST_RELEASE_PASSPHRASE_<KEY>, a file (`key: passphrase` lines, or one line for all keys),
 * MILEPOST_RELEASE_PASSPHRASE, and a person at the terminal.
 */
export function passphrasesOf(file: string | undefined): Passphrases {
  const path = file ?? process.env[`${ENV}_FILE`]
  const lines = path === undefined ? undefined : readLines(path)
  return async (keyName, purpose) => {
    const own = process.env[`${ENV}_${keyName.toUpperCase().replaceAll('-', '_')}`]
    const given = own ?? lines?.get(keyName) ?? lines?.get('') ?? process.env[ENV]
    if (given !== undefined) return given
    if (process.stdin.isTTY && process.stderr.isTTY) return askPerson(keyName, purpose)
    throw new ReleaseError('RELEASE_PASSPHRASE', `nobody tells the passphrase of ${keyName}`, {
      hint: `Give --passphrase-file, or set ${ENV} (or ${ENV}_${keyName.toUpperCase().replaceAll('-', '_')}), or run it in a terminal.`,
    })
  }
}

function readLines(path: string): Map<string, string> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ReleaseError('RELEASE_PASSPHRASE', `${path}: ${(error as Error).message}`, {
      cause: error,
      hint: 'Give a file with one line for all keys, or lines as `root-1: passphrase`.',
    })
  }
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  return new Map(
    lines.map((line) => {
      const [, key, passphrase] = /^([a-z]+-\d+): (.*)$/.exec(line) ?? []
      return key ? [key, passphrase] : ['', line]
    }),
  )
}

async function askPerson(keyName: string, purpose: 'unlock' | 'create'): Promise<string> {
  if (purpose === 'unlock') return askHidden(`Passphrase of ${keyName}: `)
  for (;;) {
    const first = await askHidden(`New passphrase for ${keyName}: `)
    if ((await askHidden('Once more: ')) === first) return first
    process.stderr.write('They differ.\n')
  }
}

/** Asks without showing what is typed. */
function askHidden(question: string): Promise<string> {
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  return new Promise((resolve, reject) => {
    reader.question('', (answer) => {
      reader.close()
      process.stderr.write('\n')
      resolve(answer)
    })
    reader.once('SIGINT', () => {
      reader.close()
      process.stderr.write('\n')
      reject(new ReleaseError('RELEASE_STOPPED', 'stopped before it was done'))
    })
  })
}
