import { SyncError, type SyncErrorCode } from '../errors.ts'

/** Errors of kafkajs carry the broker's answer as `type`, often wrapped once or twice. */
interface KafkaFailure {
  readonly type?: string
  readonly code?: string | number
  readonly name?: string
  readonly message?: string
  readonly cause?: unknown
  /** Of an aggregate: one for each topic, say. */
  readonly errors?: readonly unknown[]
}

const MAX_CAUSES = 8

const OFFLINE_HINT =
  'Check the address of the broker and the network (antenna, SIM, cable); what is in the outbox is kept meanwhile.'

/** What a broker's answer means to us, and to the person at the roadside. */
const ANSWERS: readonly (readonly [RegExp, SyncErrorCode, hint: string])[] = [
  [
    /^(PRODUCER_FENCED|INVALID_PRODUCER_EPOCH|TRANSACTION_COORDINATOR_FENCED)$/,
    'UPLINK_FENCED',
    'Another device sends under the same vehicle name. Give each device its own `vehicle`, then start this one again.',
  ],
  [
    /_AUTHORIZATION_FAILED$|^SASL_AUTHENTICATION_FAILED$|^UNSUPPORTED_SASL_MECHANISM$|^ILLEGAL_SASL_STATE$/,
    'UPLINK_DENIED',
    'Check user and secret, and that the cluster lets this user write the topics, its transactional id and its group (sync/kafka/README.md lists the rights).',
  ],
  [
    /^(UNKNOWN_TOPIC_OR_PARTITION|INVALID_TOPIC_EXCEPTION)$/,
    'UPLINK_TOPIC_MISSING',
    'Create the topic, or correct its name under `uplink` in the config.',
  ],
  [
    /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE|INVALID_RECORD|INVALID_TIMESTAMP|POLICY_VIOLATION|UNSUPPORTED_FOR_MESSAGE_FORMAT)$/,
    'UPLINK_REJECTED',
    'The broker refuses what is in a record; compare `max.message.bytes` and the timestamp rules of the topic with it.',
  ],
]

/** Makes any failure of kafkajs a `SyncError` with a code, its cause and a hint. */
export function syncErrorOf(error: unknown, doing: string): SyncError {
  const chain = causesOf(error)
  // Thrown by ours inside of kafkajs: a secret that is gone, a token that is refused.
  for (const cause of chain) if (cause instanceof SyncError) return cause
  for (const { type } of chain) {
    if (type === undefined) continue
    for (const [answer, code, hint] of ANSWERS) {
      if (answer.test(type)) return new SyncError(code, `${doing}: ${type}`, { cause: error, hint })
    }
  }
  const message = `${doing}: ${chain.find(({ message }) => message)?.message ?? String(error)}`
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError')) {
    return new SyncError('UPLINK_DENIED', message, { cause: error, hint: ANSWERS[1][2] })
  }
  return new SyncError('UPLINK_OFFLINE', message, { cause: error, hint: offlineHint(chain) })
}

/** The answer of the broker behind an error, if it was one. */
export function answerOf(error: unknown): string | undefined {
  return causesOf(error).find(({ type }) => type !== undefined)?.type
}

function offlineHint(chain: readonly KafkaFailure[]): string {
  if (
    chain.some(({ type }) => /^(INVALID_PRODUCER_ID_MAPPING|UNKNOWN_PRODUCER_ID)$/.test(`${type}`))
  ) {
    return 'The cluster has forgotten this producer, which was silent for longer than `transactional.id.expiration.ms`; the next try makes a new one, and nothing is lost.'
  }
  const text = chain.map(({ code, name, message }) => `${code} ${name} ${message}`).join('\n')
  if (/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/.test(text)) {
    return "Compare the device's clock with the certificate's dates; renew the certificate where the clock is right."
  }
  if (
    /alert (certificate|bad certificate|unknown ca|unsupported cert)|ALERT_(CERT|BAD_CERT|UNKNOWN_CA)/i.test(
      text,
    )
  ) {
    return 'The broker refuses our certificate: check that `uplink.tls` names `cert` and `key`, that they are in date by the clock of the device, and that the authority which the broker trusts has signed them; renew them otherwise.'
  }
  if (/SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS|ALTNAME|SSL routines|EPROTO/.test(text)) {
    return 'Check `uplink.tls`: the CA file must be the one that signed the broker, and host name and port the ones in its certificate.'
  }
  if (/does not speak Kafka/.test(text)) {
    return 'Something else answers on this port: check host, port, and whether the broker expects TLS.'
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) {
    return 'The name of the broker cannot be resolved: check the network and the name.'
  }
  if (/GroupCoordinatorNotFound/.test(text)) {
    return 'The cluster names no coordinator: it is starting, or this user has no right to its transactional id and group.'
  }
  return OFFLINE_HINT
}

function causesOf(error: unknown): KafkaFailure[] {
  const chain: KafkaFailure[] = []
  const ahead: unknown[] = [error]
  while (ahead.length > 0 && chain.length < MAX_CAUSES) {
    const at = ahead.shift()
    if (typeof at !== 'object' || at === null) continue
    const failure = at as KafkaFailure
    chain.push(failure)
    ahead.push(failure.cause, ...(failure.errors ?? []))
  }
  return chain
}
