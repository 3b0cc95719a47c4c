import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { ask } from '../control/client.ts'
import { socketPath } from '../control/socket-path.ts'
import { type Complaint, complaintOf } from '../error.ts'
import type { AgentStatus } from '../status.ts'
import type { Finding } from './finding.ts'
import { type Probes, realProbes } from './probes.ts'

/** What an agent is found to be: `silent` has a socket that takes a question and gives no answer. */
export type AgentState = 'up' | 'down' | 'denied' | 'silent'

/** All that the checks look at. */
export interface Scene {
  readonly configFile: string | undefined
  readonly config: LoadedConfig | undefined
  readonly configError: Complaint | undefined
  readonly dataDir: string | undefined
  readonly agent: AgentState
  readonly agentError: Complaint | undefined
  /** Of a running agent. */
  readonly status: AgentStatus | undefined
  readonly probes: Probes
}

/** One thing to look at. It may take some seconds and touches nothing but what it says. */
export interface Check {
  readonly name: string
  run(scene: Scene): Promise<readonly Finding[]>
}

/** Looks at a place from outside: reads its config, asks its agent. Never throws. */
export async function sceneOf(
  place: { configFile?: string; dataDir?: string },
  probes: Probes = realProbes,
): Promise<Scene> {
  let config: LoadedConfig | undefined
  let configError: Complaint | undefined
  if (place.configFile !== undefined) {
    try {
      config = loadConfig(place.configFile)
    } catch (error) {
      configError = complaintOf(error)
    }
  }
  const dataDir = place.dataDir ?? config?.dataDir
  const found = dataDir === undefined ? undefined : await agentAt(dataDir)
  return {
    configFile: place.configFile,
    config,
    configError,
    dataDir,
    agent: found?.state ?? 'down',
    agentError: found?.error,
    status: found?.status,
    probes,
  }
}

async function agentAt(
  dataDir: string,
): Promise<{ state: AgentState; error?: Complaint; status?: AgentStatus }> {
  try {
    return { state: 'up', status: await ask<AgentStatus>(socketPath(dataDir), 'GET', '/status') }
  } catch (caught) {
    const error = complaintOf(caught)
    if (error.code === 'SOCKET_DENIED') return { state: 'denied', error }
    const silent = /no answer within/.test(error.message)
    return { state: silent ? 'silent' : 'down', error }
  }
}
