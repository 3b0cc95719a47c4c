import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { arch, cpus, type as osType, release, totalmem, uptime } from 'node:os'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { knownKeys } from '../config/problems.ts'
import { configSchema } from '../config/schema.ts'
import type { Finding } from '../doctor/finding.ts'
import { listEvents } from '../local/events.ts'
import { queryHistory } from '../local/history/query.ts'
import { type AgentStatus, type SignalNow, VERSION } from '../status.ts'
import { isPositionName } from './positions.ts'
import { Redactor, secretsToldBy } from './redact.ts'
import { secretValues } from './secrets.ts'

/** What is put into a bundle at most. */
const MAX_EVENTS = 200
const HISTORY_MINUTES = 30
const HISTORY_POINTS = 120
const MAX_LOG_BYTES = 2 << 20
const LOG_LINES = 5_000
const LOG_MS = 10_000

const run = promisify(execFile)

/** Where to look, and what a running agent says. */
export interface SupportSource {
  readonly configFile: string | undefined
  readonly dataDir: string
  readonly status: AgentStatus | undefined
  readonly signals: readonly SignalNow[]
  readonly findings: readonly Finding[]
  /** A log to take instead of the system's journal. */
  readonly logFile?: string
  readonly nowMs: number
}

export interface SupportFile {
  readonly name: string
  readonly what: string
  readonly text: string
  /** How often something was taken out of it. */
  readonly secrets: number
  readonly positions: number
}

/**
 * Everything for those who help from afar, and nothing that they must not see: secrets and places are
 * taken out of each file, and what is known to be a secret is looked for once more at the end. Records
 * that wait, DBC files and keys are not in it.
 */
export async function supportFiles(source: SupportSource): Promise<SupportFile[]> {
  const { dataDir, status, signals, findings, nowMs } = source
  const raw = rawConfig(source.configFile)
  const log = await logOf(source)
  const told = [log.text, rawText(source.configFile)].flatMap(secretsToldBy)
  const known = [...secretValues(raw), ...told].sort((a, b) => b.length - a.length)
  const names = signals.flatMap(({ name }) => name.split('.'))
  const harmless = [...(status?.models ?? []).map(({ hash }) => hash), ...names]
  const aliases = aliasesOf(raw)
  const make = (name: string, what: string, text: (redact: Redactor) => string): SupportFile => {
    const redactor = new Redactor(known, harmless, aliases)
    const clean = text(redactor)
    if (redactor.leaks(clean)) {
      return {
        name,
        what: `${what} (left out: a secret was found in it)`,
        text: '',
        secrets: 1,
        positions: 0,
      }
    }
    return { name, what, text: clean, ...redactor.counts }
  }
  const json = (name: string, what: string, value: unknown): SupportFile =>
    make(name, what, (redactor) => `${JSON.stringify(redactor.value(value), null, 2)}\n`)

  const screen = new Redactor(known, harmless, aliases)
  const history = await queryHistory({
    dataDir,
    wanted: (name) => !screen.isPositionSignal({ name, unit: '' }),
    fromUs: (nowMs - HISTORY_MINUTES * 60_000) * 1000,
    toUs: nowMs * 1000,
    points: HISTORY_POINTS,
  })
  const series = history.series.filter((one) => !screen.isPositionSignal(one))
  return [
    json('about.json', 'versions and machine', about(nowMs)),
    make('config.yaml', 'the config, without comments', (redactor) =>
      stringify(redactor.value(withoutUnknown(raw))),
    ),
    json('files.json', 'size and sha256 of DBC files and bundles', filesOf(raw)),
    json('doctor.json', 'every finding of the doctor', findings),
    json('status.json', 'the status of the agent', status ?? { state: 'down' }),
    json('signals.json', 'the latest reading of each signal, no positions', signals),
    json('events.json', `the last ${MAX_EVENTS} events`, eventsOf(dataDir)),
    json('history.json', `the last ${HISTORY_MINUTES} minutes of readings, no positions`, {
      ...history,
      series,
    }),
    make('log.txt', log.what, (redactor) => redactor.text(log.text)),
  ]
}

function about(nowMs: number): unknown {
  const [cpu] = cpus()
  return {
    milepost: VERSION,
    node: process.version,
    time: new Date(nowMs).toISOString(),
    system: `${osType()} ${release()} ${arch()}`,
    cpu: cpu && `${cpus().length} × ${cpu.model}`,
    memoryBytes: totalmem(),
    upSec: Math.round(uptime()),
    user: process.getuid?.(),
  }
}

function rawText(file: string | undefined): string {
  try {
    return file === undefined ? '' : readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function rawConfig(file: string | undefined): unknown {
  try {
    return parse(rawText(file)) ?? {}
  } catch {
    // A file that is no YAML may hold anything: the doctor says what is wrong with it.
    return {}
  }
}

/** Strings below keys that the config does not have: nobody knows what they are. */
function withoutUnknown(value: unknown, path: readonly string[] = []): unknown {
  if (Array.isArray(value)) {
    return value.map((inner, i) => withoutUnknown(inner, [...path, String(i)]))
  }
  if (typeof value !== 'object' || value === null) return value
  // What a kind of sensor takes is its own, and is looked at by name and form.
  const known = path[0] === 'sensors' ? undefined : knownKeys(configSchema, [...path])
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      known && known.length > 0 && !known.includes(key)
        ? '[unknown key]'
        : withoutUnknown(inner, [...path, key]),
    ]),
  )
}

/** Names that the config gives to signals of a place. */
function aliasesOf(raw: unknown): string[] {
  const { names } = (raw ?? {}) as { names?: Record<string, unknown> }
  return Object.entries(names ?? {})
    .filter(([from]) => isPositionName(from))
    .map(([, to]) => (typeof to === 'string' ? to : String((to as { name?: unknown })?.name)))
}

/** Only what tells one file from another: a DBC file may be its maker's secret. */
function filesOf(raw: unknown): unknown {
  const { buses } = (raw ?? {}) as { buses?: Record<string, { dbc?: unknown }> }
  const files = Object.values(buses ?? {}).flatMap(({ dbc }) => (Array.isArray(dbc) ? dbc : []))
  return files.map((file: unknown) => {
    try {
      const bytes = readFileSync(String(file))
      const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
      return { file, bytes: bytes.length, sha256Begin: digest }
    } catch (error) {
      return { file, error: (error as Error).message }
    }
  })
}

/** Bodies of calls that changed something may hold anything. */
function eventsOf(dataDir: string): unknown {
  return listEvents(dataDir, { limit: MAX_EVENTS, whole: true }).map((event) =>
    event.type === 'milepost.operated.v1'
      ? { ...event, content: { ...event.content, call: '[left out]' } }
      : event,
  )
}

async function logOf({ logFile }: SupportSource): Promise<{ what: string; text: string }> {
  if (logFile !== undefined) {
    const bytes = readFileSync(logFile)
    return { what: `the end of ${logFile}`, text: bytes.subarray(-MAX_LOG_BYTES).toString() }
  }
  try {
    const args = ['-u', 'milepost', '-n', String(LOG_LINES), '--no-pager', '-o', 'short-iso']
    const { stdout } = await run('journalctl', args, { timeout: LOG_MS, maxBuffer: 16 << 20 })
    return { what: 'the journal of the agent', text: stdout.slice(-MAX_LOG_BYTES) }
  } catch (error) {
    const why = (error as Error).message.split('\n')[0]
    return { what: 'no journal could be read', text: `${why}\n` }
  }
}
