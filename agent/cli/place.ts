import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { ask } from '../control/client.ts'
import { socketPath } from '../control/socket-path.ts'
import type { AgentError } from '../error.ts'
import { INSTALLED_CONFIG } from '../package-root.ts'

/** Where `milepost run` without a config keeps its data. */
const SIMULATED_DATA_DIR = '.milepost/sim-1'

export interface PlaceOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly json?: boolean
}

/** Adds the options by which a command finds the agent. */
export function withPlace(command: Command): Command {
  return command
    .option('-c, --config <file>', `the agent’s config; ${INSTALLED_CONFIG} where there is one`)
    .option('--data-dir <folder>', 'the agent’s data folder, instead of a config')
    .option('--json', 'for a program')
}

/** Where an agent is, running or not. */
export interface Place {
  readonly dataDir: string
  readonly socket: string
  /** The config, where one was named or is installed. */
  readonly configFile: string | undefined
}

/** Finds the agent that the options mean; reads the config only where it must. */
export function placeOf(options: PlaceOptions): Place {
  const configFile = configFileOf(options)
  const dataDir = options.dataDir
    ? resolve(options.dataDir)
    : configFile
      ? loadConfig(configFile).dataDir
      : resolve(join(SIMULATED_DATA_DIR))
  return { dataDir, socket: socketPath(dataDir), configFile }
}

/** The same for who wants to look even where the config cannot be read. */
export function whereabouts(options: PlaceOptions): { configFile?: string; dataDir?: string } {
  const configFile = configFileOf(options)
  const dataDir = options.dataDir ?? (configFile === undefined ? SIMULATED_DATA_DIR : undefined)
  return {
    ...(configFile === undefined ? {} : { configFile }),
    ...(dataDir === undefined ? {} : { dataDir: resolve(dataDir) }),
  }
}

/** The config that the options mean, read; undefined where there is none. */
export function configOf(options: PlaceOptions): LoadedConfig | undefined {
  const file = configFileOf(options)
  return file === undefined ? undefined : loadConfig(file)
}

function configFileOf({ config, dataDir }: PlaceOptions): string | undefined {
  if (config !== undefined) return config
  if (dataDir !== undefined || existsSync(SIMULATED_DATA_DIR)) return undefined
  return existsSync(INSTALLED_CONFIG) ? INSTALLED_CONFIG : undefined
}

/** What the agent answers, or what the files say where it is down. */
export async function askOr<T>(
  place: Place,
  path: string,
  offline: () => T | Promise<T>,
): Promise<{ answer: T; offline: boolean }> {
  try {
    return {
      answer: await ask<T>(place.socket, 'GET', path, { timeoutMs: 30_000 }),
      offline: false,
    }
  } catch (error) {
    if ((error as AgentError).code !== 'AGENT_DOWN') throw error
    return { answer: await offline(), offline: true }
  }
}

/** Query parameters for a path; those that are undefined are left out. */
export function pathWith(
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const given = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) given.set(key, String(value))
  }
  return given.size === 0 ? path : `${path}?${given}`
}
