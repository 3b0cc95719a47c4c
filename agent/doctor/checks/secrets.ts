import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** Secrets that the config names are there. Their content is looked at for being empty, no more. */
export const secretsCheck: Check = {
  name: 'secrets',
  async run({ config, status, probes }) {
    if (!config) return []
    const findings: Finding[] = []
    for (const { at, file, env } of secretsIn(config.uplink, 'uplink')) {
      if (file !== undefined) {
        const problem = fileProblem(() => probes.readFile(file))
        if (problem) {
          findings.push({
            check: 'secrets',
            verdict: 'broken',
            code: 'SECRET_MISSING',
            finding: `${at}: ${file} ${problem}.`,
            next: 'Put the secret there, readable for the agent alone.',
            command: `sudo install -o milepost -g milepost -m 600 /dev/stdin ${file}`,
            cause: 'secret',
          })
        }
      }
      // What the agent's environment has can only be seen from inside of it.
      if (env !== undefined && status === undefined && !process.env[env]) {
        findings.push({
          check: 'secrets',
          verdict: 'note',
          code: 'SECRET_UNSEEN',
          finding: `${at}: ${env} is not set here; the agent needs it in its own environment.`,
          command: 'sudo systemctl edit milepost',
          cause: 'secret',
        })
      }
    }
    return findings
  },
}

interface Secret {
  readonly at: string
  readonly file?: string
  readonly env?: string
}

/** `{ file }` and `{ env }` at any depth. */
function secretsIn(value: unknown, at: string): Secret[] {
  if (typeof value !== 'object' || value === null) return []
  const entries = Object.entries(value)
  if (entries.length === 1 && ['file', 'env'].includes(entries[0][0])) {
    return [{ at, [entries[0][0]]: String(entries[0][1]) }]
  }
  return entries.flatMap(([key, inner]) => secretsIn(inner, `${at}.${key}`))
}

function fileProblem(read: () => string): string | undefined {
  try {
    return read().trim() === '' ? 'is empty' : undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`
  }
}
