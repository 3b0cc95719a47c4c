/** Codes of what can go wrong in the agent itself; each room below has its own list. */
export type AgentErrorCode =
  | 'CONFIG_MISSING'
  | 'CONFIG_INVALID'
  | 'AGENT_DOWN'
  | 'AGENT_RUNNING'
  | 'AGENT_STARTING'
  | 'SOCKET_DENIED'
  | 'NO_SUCH_OPERATION'
  | 'BAD_REQUEST'
  | 'DENIED'
  | 'NOT_FOUND'
  | 'BUSY'
  | 'DATA_DIR_DENIED'
  | 'USAGE'
  | 'TRAINING_CHECKPOINT'
  | 'RUN_FAILED'
  | 'STOP_FAILED'
  | 'STOP_TIMEOUT'
  | 'WEB_TOKEN'
  | 'WEB_TLS'
  | 'UPDATE_DAMAGED'
  | 'UPDATE_REFUSED'
  | 'NO_ROWS'

/** A failure that the agent found. `hint` tells a technician at the roadside what to do next. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  readonly code: AgentErrorCode
  readonly hint: string | undefined

  constructor(
    code: AgentErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** What any error says to a person and to a program. */
export interface Complaint {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** The error again of which another thread told: classes, codes and hints do not cross threads. */
export function errorOf({ code, message, hint }: Complaint): Error {
  return Object.assign(new Error(message), code === 'INTERNAL' ? {} : { code, hint })
}

/** Reads code, message and hint of an error of any room; an error of no room is `INTERNAL`. */
export function complaintOf(error: unknown): Complaint {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error) }
  const { code, hint } = error as Error & { code?: unknown; hint?: unknown }
  return {
    code: typeof code === 'string' ? code : 'INTERNAL',
    message: error.message,
    ...(typeof hint === 'string' ? { hint } : {}),
  }
}
