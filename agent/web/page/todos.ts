import { REFUSED_HINT, type RelayStatus } from '../../../sync/relay/status.ts'
import type { SyncStatus, UplinkStatus } from '../../../sync/status.ts'
import type { AgentStatus } from '../../status.ts'
import { clockSet } from '../../time/clock-set.ts'
import { linkError } from './answers.ts'
import type { Code } from './events.ts'
import { count, many } from './format.ts'

/** One thing to do. */
export interface Todo {
  /** `stop`: something is broken. `warn`: look at it. */
  readonly level: 'stop' | 'warn'
  readonly what: string
  readonly next?: string
  /** The view that shows more. */
  readonly view: string
}

/** What should I do? The most urgent first; nothing, where this is empty. */
export function todosOf(status: AgentStatus, codes: readonly Code[] = []): Todo[] {
  const todos = [
    ...ofCodes(codes),
    ...status.sensors.flatMap(ofSensor),
    ...ofDecoding(status),
    ...(status.sync ? [...ofOutbox(status.sync), ...ofUplink(status.sync.uplink)] : []),
    ...(status.relay ? ofRelay(status.relay) : []),
    ...status.models.flatMap(ofModel),
    ...ofClock(status),
    ...status.faults.map(ofFault),
  ]
  return todos.sort((a, b) => Number(b.level === 'stop') - Number(a.level === 'stop'))
}

function ofCodes(codes: readonly Code[]): Todo[] {
  const there = codes.filter(({ present }) => present).map(({ code }) => code)
  if (there.length === 0) return []
  return [
    {
      level: 'warn',
      what: `${many(there.length, 'trouble code')}: ${there.join(', ')}`,
      next: 'See when each came, and its freeze frame.',
      view: 'faults',
    },
  ]
}

function ofSensor({ id, state, lastError, dropped }: AgentStatus['sensors'][number]): Todo[] {
  const todos: Todo[] = []
  if (state === 'failed' || state === 'recovering' || state === 'stale') {
    todos.push({
      level: state === 'failed' ? 'stop' : 'warn',
      what: `Sensor ${id} is ${state}${lastError ? `: ${lastError.message}` : ': no data comes'}`,
      next: lastError?.hint ?? 'Check cable, ignition and bitrate.',
      view: 'doctor',
    })
  }
  const lost = Object.entries(dropped).filter(([, n]) => (n ?? 0) > 0)
  if (lost.length) {
    todos.push({
      level: 'warn',
      what: `Sensor ${id} lost ${lost.map(([cause, n]) => `${count(n ?? 0)} (${cause})`).join(', ')}`,
      next: 'The machine is too slow for this bus, or was stopped for a while.',
      view: 'overview',
    })
  }
  return todos
}

function ofDecoding({ decode, signals }: AgentStatus): Todo[] {
  const todos: Todo[] = (decode?.skippedFiles ?? []).map((file) => ({
    level: 'warn',
    what: `A broken DBC file is left out: ${file}`,
    next: 'Its messages are not decoded. Doctor names the line that is broken.',
    view: 'doctor',
  }))
  if (signals.refused > 0) {
    todos.push({
      level: 'warn',
      what: `${count(signals.refused)} readings had a name too many: ${count(signals.known)} are known`,
      next: 'Some sensor or DBC file makes up names: look for them among the signals.',
      view: 'signals',
    })
  }
  return todos
}

function ofOutbox({ outbox, uplink }: SyncStatus): Todo[] {
  const { state, lastError, deadRecords } = outbox
  const todos: Todo[] = []
  if (state !== 'ok' && state !== 'starting') {
    todos.push({
      level: 'stop',
      what: `The outbox is ${state}${lastError ? `: ${lastError.message}` : ''}`,
      next: lastError?.hint,
      view: 'sync',
    })
  }
  if (deadRecords > 0) {
    const why = uplink.lastRejection
    todos.push({
      level: 'warn',
      what: `The other side refused ${many(deadRecords, 'record')}${why ? `: ${why.message}` : ''}`,
      next: why?.hint ?? REFUSED_BEFORE,
      view: 'sync',
    })
  }
  return todos
}

/** Why records were refused is told until the agent starts anew. */
export const REFUSED_BEFORE =
  'They lie aside since before this start; the ledger on lane critical says why.'

/** `of` tells whose way out it is. */
function ofUplink(uplink: UplinkStatus, of = ''): Todo[] {
  const { state, blocked = [], oddPositions } = uplink
  const todos: Todo[] = []
  const lastError = linkError(uplink)
  if (lastError && state !== 'live') {
    todos.push({
      level: state === 'fenced' ? 'stop' : 'warn',
      what: `Data${of} is not sent (${lastError.code}): ${lastError.message}`,
      next: lastError.hint,
      view: 'sync',
    })
  }
  for (const { lane, code, message, hint } of blocked ?? []) {
    todos.push({
      level: 'warn',
      what: `Lane ${lane}${of} is blocked (${code}): ${message}`,
      next: hint,
      view: 'sync',
    })
  }
  if (oddPositions) {
    const { code, message, hint } = oddPositions
    const what = `Positions${of} did not fit (${code}): ${message}`
    todos.push({ level: 'warn', what, next: hint, view: 'sync' })
  }
  return todos
}

function ofRelay({ state, lastError, refusedByKafka, lastRefusal, forward }: RelayStatus): Todo[] {
  const todos: Todo[] = []
  if (lastError) {
    todos.push({
      // Without a network senders keep theirs, and it comes back by itself.
      level: ['live', 'connecting', 'offline'].includes(state) ? 'warn' : 'stop',
      what: `The relay is ${state}: ${lastError.message}`,
      next: lastError.hint,
      view: 'sync',
    })
  }
  if (refusedByKafka > 0) {
    todos.push({
      level: 'warn',
      what: `Kafka refused ${many(refusedByKafka, 'record')} of the relayed vehicles${lastRefusal ? `: ${lastRefusal}` : ''}`,
      next: REFUSED_HINT,
      view: 'sync',
    })
  }
  return [...todos, ...ofUplink(forward, ' of the relayed vehicles')]
}

function ofModel({ name, active, problems, starved }: AgentStatus['models'][number]): Todo[] {
  const todos: Todo[] = []
  if (active) {
    todos.push({
      level: 'warn',
      what: `${name} sees an anomaly`,
      next: 'See which signals it is made of.',
      view: 'inferences',
    })
  }
  if (problems.length) {
    todos.push({
      level: 'warn',
      what: `${name}: ${problems[0]}`,
      next: 'Set its unit under names in the config.',
      view: 'inferences',
    })
  } else if (starved) {
    todos.push({
      level: 'warn',
      what: `${name} has made no inference: ${starved}`,
      next: 'Give its inputs the right signals, under names in the config.',
      view: 'inferences',
    })
  }
  return todos
}

function ofClock({ nowUs }: AgentStatus): Todo[] {
  if (clockSet(nowUs)) return []
  return [
    {
      level: 'warn',
      what: 'The clock is not set',
      next: 'It is set by network time or a satellite receiver; times of records are repaired then.',
      view: 'doctor',
    },
  ]
}

function ofFault({ cause, count: times, lastError }: AgentStatus['faults'][number]): Todo {
  return {
    level: 'warn',
    what: `${cause} failed ${times === 1 ? 'once' : `${count(times)} times`}: ${lastError.message}`,
    next: lastError.hint ?? 'The rest goes on. Please report it with a support bundle.',
    view: 'support',
  }
}
