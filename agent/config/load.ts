import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { AgentError } from '../error.ts'
import { WEB_PATHS } from '../web/settings.ts'
import { issuesOf } from './issues.ts'
import { UPLINK_PATHS, updatesWithPaths, withPaths } from './paths.ts'
import { withSchemas } from './payload.ts'
import { type ConfigProblem, lineOf, problemsOf, toldOnce } from './problems.ts'
import { type Config, configSchema } from './schema.ts'
import { planSensors, type SensorPlan } from './sensors.ts'

/** A config that passed every check; all paths in it are absolute. */
export interface LoadedConfig extends Omit<Config, 'sensors' | 'dataDir' | 'models'> {
  readonly file: string
  readonly dataDir: string
  readonly sensors: readonly SensorPlan[]
  readonly models: readonly ModelPlan[]
  /** Line of the file at which the value of this path stands, for what is checked later on. */
  lineOf(path: readonly PropertyKey[]): number
}

/** Reads and checks a config file. Throws `CONFIG_MISSING` or `CONFIG_INVALID`, naming every mistake. */
export function loadConfig(file: string): LoadedConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AgentError('CONFIG_MISSING', `Cannot read ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a config with -c, or run "milepost run" without one for a simulated vehicle.',
    })
  }
  return parseConfig(text, resolve(file))
}

/** Checks a config's text; `file` is used for messages and to resolve relative paths. */
export function parseConfig(text: string, file: string): LoadedConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length) {
    refuse(
      file,
      document.errors.map((e) => ({
        line: lines.linePos(e.pos[0]).line,
        path: '',
        message: e.message,
      })),
    )
  }
  // An empty file lacks what every config has, like one that says only something else.
  const raw: unknown = document.toJS() ?? {}
  const base = dirname(file)
  const checked = configSchema.safeParse(raw)
  const issues = checked.success ? [] : issuesOf(configSchema, raw)
  const problems = problemsOf(issues, configSchema, document, lines)
  const list = (raw as { sensors?: unknown } | null)?.sensors
  const sensors = planSensors(list, base, document, lines, problems)
  for (const [i, slot] of slotsTwice((raw as { models?: unknown }).models, base)) {
    const message = `two models are called ${slot}: give one of them a slot`
    problems.push({
      line: lineOf(document, lines, ['models', i]),
      path: `models[${i}].slot`,
      message,
    })
  }
  if (!checked.success || problems.length) refuse(file, problems)
  const config = checked.data
  const models = planModels(config.models, base)

  return {
    ...config,
    file,
    lineOf: (path) => lineOf(document, lines, path),
    sensors,
    dataDir: resolve(base, config.dataDir ?? `.milepost/${config.vehicle}`),
    buses: Object.fromEntries(
      Object.entries(config.buses).map(([name, bus]) => [
        name,
        { ...bus, dbc: bus.dbc.map((path) => resolve(base, path)) },
      ]),
    ),
    outbox: withPaths(config.outbox, ['key.file'], base),
    uplink: withSchemas(withPaths(config.uplink, UPLINK_PATHS, base)),
    ...(config.relay
      ? {
          relay: {
            ...config.relay,
            broker: withPaths(config.relay.broker, UPLINK_PATHS, base),
          },
        }
      : {}),
    ...(config.web ? { web: withPaths(config.web, WEB_PATHS, base) } : {}),
    models,
    ...(config.updates ? { updates: updatesWithPaths(config.updates, base) } : {}),
  }
}

type ModelPlan = Config['models'][number] & { readonly slot: string }

function planModels(models: Config['models'], base: string): ModelPlan[] {
  return models.map((model) => ({
    ...model,
    bundle: resolve(base, model.bundle),
    slot: slotOf(model, base),
  }))
}

function slotOf({ slot, bundle }: { slot?: string | undefined; bundle: string }, base: string) {
  const name = basename(resolve(base, bundle)).replace(/\.(tar|tgz)$/, '')
  return slot ?? (name.replaceAll(/[^A-Za-z0-9._-]+/g, '-') || 'model')
}

/** Models of a config that may have other mistakes whose slot another before them has, by their place in it. */
function slotsTwice(models: unknown, base: string): [number, string][] {
  const seen = new Set<string>()
  return (Array.isArray(models) ? models : []).flatMap((model, i): [number, string][] => {
    if (typeof model?.bundle !== 'string') return []
    const slot = slotOf(model, base)
    if (seen.has(slot)) return [[i, slot]]
    seen.add(slot)
    return []
  })
}

function refuse(file: string, problems: readonly ConfigProblem[]): never {
  const text = toldOnce(problems)
    .sort((a, b) => a.line - b.line)
    .map((p) => `${file}${p.line ? `:${p.line}` : ''}: ${p.path ? `${p.path}: ` : ''}${p.message}`)
    .join('\n')
  throw new AgentError('CONFIG_INVALID', text, {
    hint: 'Mend these lines and start again; nothing was started.',
  })
}
