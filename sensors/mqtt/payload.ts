import { isUtf8 } from 'node:buffer'
import { type AddedNames, FieldReader } from '../lines/fields.ts'
import { walkJson } from '../lines/json-values.ts'
import type { SensorContext } from '../sensor.ts'
import type { TopicConfig } from './config.ts'
import { topicMatcher } from './topic.ts'

/** A message as it came. */
export interface Message {
  readonly topic: string
  readonly payload: Buffer
  readonly retained: boolean
}

/** What became of a message. */
export type Taken = 'good' | 'bad' | 'stale' | 'unknown'

/** Turns messages into readings by the first topic of the config that matches. */
export class MessageReader {
  readonly #topics
  readonly #maxPayloadBytes: number

  constructor(
    topics: readonly TopicConfig[],
    maxPayloadBytes: number,
    context: SensorContext,
    added: AddedNames,
  ) {
    this.#maxPayloadBytes = maxPayloadBytes
    this.#topics = topics.map((topic) => ({
      config: topic,
      matcher: topicMatcher(topic.topic, topic.name),
      fields: new FieldReader(topic, context, added),
    }))
  }

  /** `bad`: not as the config says, or too large; `stale`: retained, and those are not wanted. */
  take({ topic, payload, retained }: Message, timeUs: number): Taken {
    for (const { config, matcher, fields } of this.#topics) {
      const name = matcher.nameOf(topic)
      if (name === undefined) continue
      if (retained && config.retained === 'ignore') return 'stale'
      if (payload.length > this.#maxPayloadBytes || !isUtf8(payload)) return 'bad'
      const good = read(payload.toString('utf8'), config.payload, name, (key, raw) =>
        fields.take(key, raw, timeUs),
      )
      fields.flush()
      return good ? 'good' : 'bad'
    }
    return 'unknown'
  }
}

function read(
  text: string,
  kind: TopicConfig['payload'],
  name: string,
  take: (key: string, raw: string | number | boolean) => boolean,
): boolean {
  if (kind !== 'value') {
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return kind === 'auto' && take(name, text)
    }
    return walkJson(json, name, take)
  }
  return take(name, text)
}
