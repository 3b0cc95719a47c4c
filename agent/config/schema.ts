import { z } from 'zod'
import { idFilter } from '../../sensors/can/id-filter.ts'
import { secretSource, tlsFiles } from '../../sensors/mqtt/broker.ts'
import { LANES } from '../../sync/record.ts'
import { webSettings } from '../web/settings.ts'
import { cronExpression } from './cron.ts'
import { history } from './history.ts'
import { mqttUplink, relay } from './mqtt.ts'
import { outbox } from './outbox.ts'
import { payload } from './payload.ts'
import { together } from './together.ts'
import { updates } from './updates.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected letters, digits, ".", "_" and "-"')
const lane = z.enum(LANES)

/** What every sensor has, whatever its kind; the rest of its keys belong to the kind. */
export const sensorCommon = z.object({
  id: name,
  kind: z.string(),
  bus: name.default('can0'),
  /** What a first failure to open means: stop the agent, try again, or go on without. */
  onStartFail: z.enum(['fail', 'retry', 'ignore']).default('retry'),
  /**
   * A live sensor that delivers nothing for so long is `stale` and reopened; `auto`: for longer than its
   * own rhythm, where its device talks by itself; 0 never.
   */
  staleAfterMs: z.union([z.literal('auto'), z.number().int().min(0)]).default('auto'),
})

const bus = z.strictObject({
  /** Identifiers that this agent may send; none by default. */
  send: z.array(idFilter).max(256).default([]),
  dbc: z.array(z.string()).default([]),
  /** What a broken DBC file means for the others. */
  onBrokenDbc: z.enum(['fail', 'skip']).default('fail'),
  /**
   * Signals that are no value (J1939's "not available" and "error", numbers outside the range that the
   * DBC file states) are counted and dropped; `keep` where a file's ranges cannot be trusted.
   */
  noValues: z.enum(['drop', 'keep']).default('drop'),
})

/** What a window may tell of each signal. */
const WINDOW_VALUES = ['min', 'max', 'mean', 'last'] as const
/** The ways to collect, of which a campaign has one. */
const WAYS = ['sampleEveryMs', 'onChange', 'window', 'when', 'on'] as const

export const campaignSchema = z
  .strictObject({
    id: name,
    lane: lane.default('telemetry'),
    /** Names of signals; `*` stands for any run of characters. */
    signals: z.array(z.string().min(1)).min(1),
    /** One snapshot of the chosen signals every so often. */
    sampleEveryMs: z.number().int().min(1).optional(),
    /** One record for each change by more than the dead-band. */
    onChange: z
      .strictObject({
        deadband: z.number().min(0).default(0),
        minIntervalMs: z.number().int().min(0).default(0),
      })
      .optional(),
    /** One record for each window of time, with what each signal did in it. */
    window: z
      .strictObject({
        everyMs: z.number().int().min(100).max(86_400_000),
        of: z
          .array(z.enum(WINDOW_VALUES))
          .min(1)
          .default([...WINDOW_VALUES]),
      })
      .optional(),
    /** One record each time that this condition, in CEL, begins to hold. */
    when: z.string().min(1).max(2000).optional(),
    /** The condition that ends it; without one, that `when` does not hold. */
    until: z.string().min(1).max(2000).optional(),
    /** How long it has to hold before it counts. */
    forMs: z.number().int().min(0).max(86_400_000).optional(),
    /** One record each time that a model sees an anomaly begin; `model` names one of several. */
    on: z.enum(['anomaly']).optional(),
    model: name.optional(),
    /** How long after one trigger the next may come. */
    rearmMs: z.number().int().min(0).max(86_400_000).optional(),
    /** The record of a trigger holds the readings from before and after it. */
    capture: z
      .strictObject({
        beforeMs: z.number().int().min(0).max(600_000).default(10_000),
        afterMs: z.number().int().min(0).max(600_000).default(5000),
        /** Readings kept, 20 bytes each; a record with all of them has 200 to 300 kB, 900 kB are the most. */
        maxReadings: z.number().int().min(100).max(20_000).default(10_000),
      })
      .optional(),
    /** What is asked of a sensor at a trigger, out of turn. */
    fetch: z
      .array(z.strictObject({ sensor: name, what: z.string().min(1).max(200) }))
      .max(16)
      .optional(),
    /** A reading older than this is no longer part of a snapshot, nor known to a condition. */
    staleAfterMs: z.number().int().min(1).default(10_000),
  })
  .refine(
    (c) => WAYS.filter((way) => c[way] !== undefined).length === 1,
    together(`expected exactly one of ${WAYS.join(', ')}`),
  )
  .refine(
    (c) => c.when !== undefined || (c.until === undefined && c.forMs === undefined),
    together('until and forMs belong to a condition: expected when'),
  )
  .refine(
    (c) => c.on !== undefined || c.model === undefined,
    together('model belongs to "on: anomaly"'),
  )
  .refine(
    (c) => c.when ?? c.on ?? (!c.capture && !c.fetch && c.rearmMs === undefined),
    together('capture, fetch and rearmMs belong to a trigger: expected when or on'),
  )

const model = z.strictObject({
  bundle: z.string(),
  /** Its name towards releases; that of the bundle's folder where none is given. */
  slot: name.optional(),
  lane: lane.default('events'),
  runtime: z.enum(['auto', 'compiled', 'tfjs-node', 'tfjs-wasm', 'tfjs-cpu']).default('auto'),
})

/** What may go out, and where; see `sync/throttle.ts`. */
const limits = z.strictObject({
  maxBytesPerSec: z.number().int().min(256).optional(),
  bulkLanes: z.array(lane).default(['telemetry']),
  bulkNetworks: z
    .array(
      z
        .string()
        .regex(
          /^(?:[A-Za-z0-9_.*-]{1,32}|[\d.]+\/(?:[12]?\d|3[0-2])|[\da-fA-F:.]+\/(?:\d{1,2}|1[01]\d|12[0-8]))$/,
          'expected the name of a network interface, or a network such as 10.20.0.0/16',
        ),
    )
    .min(1)
    .optional(),
})

const kafka = z.strictObject({
  kind: z.literal('kafka'),
  brokers: z.array(z.string().regex(/^[^\s:]+:\d+$|^\[[^\]]+\]:\d+$/, 'expected host:port')).min(1),
  topics: z.partialRecord(lane, z.string()).default({}),
  checkpointTopic: z.string().default('milepost.checkpoints'),
  limits: limits.optional(),
  delivery: z.enum(['exactly-once', 'at-least-once']).default('exactly-once'),
  compression: z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('none'),
  payload: payload.optional(),
  sasl: z
    .discriminatedUnion('mechanism', [
      z.strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
        username: z.string(),
        password: secretSource,
      }),
      z.strictObject({ mechanism: z.literal('oauthbearer'), token: secretSource }),
    ])
    .optional(),
  tls: tlsFiles.optional(),
})

const uplink = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  kafka,
  mqttUplink,
])

/** The whole of milepost.yaml. Sensors are checked a second time by their own kind. */
export const configSchema = z
  .strictObject({
    vehicle: name,
    /** Where the outbox and the control socket live. */
    dataDir: z.string().optional(),
    /** None only where the agent is there to relay. */
    sensors: z.array(sensorCommon.loose()).default([]),
    buses: z.record(name, bus).default({}),
    /** `Message.Signal` of a DBC file to the name (and unit) it shall have. */
    names: z
      .record(
        z.string(),
        z.union([
          z.string(),
          z.strictObject({
            name: z.string(),
            /** The unit that it shall be in; its values are converted. */
            unit: z.string().optional(),
            /** The unit that it comes in, where the source says another or none. */
            from: z.string().optional(),
          }),
        ]),
      )
      .default({}),
    campaigns: z.array(campaignSchema).default([]),
    models: z.array(model).default([]),
    /** `battery`: the machine's clock goes on without power, so its time is believed though nobody keeps it. */
    clock: z.strictObject({ battery: z.boolean().default(false) }).prefault({}),
    outbox: outbox.prefault({}),
    uplink: uplink.default({ kind: 'none' }),
    relay: relay.optional(),
    history: history.prefault({}),
    updates: updates.optional(),
    /** A `milepost.health.v1` record on `events`, when a cron expression says so. */
    health: z.strictObject({ cron: cronExpression }).optional(),
    /** The page and the operations over HTTP; off without this section. */
    web: webSettings.optional(),
    log: z
      .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
      .prefault({}),
  })
  .refine((c) => c.sensors?.length !== 0 || c.relay, {
    path: ['sensors'],
    ...together('expected at least one sensor, or a relay'),
  })
  .refine((c) => !c.relay || c.uplink?.kind === 'kafka', {
    path: ['relay'],
    ...together('a relay forwards into Kafka: expected uplink.kind: kafka'),
  })

export type Config = z.infer<typeof configSchema>
export type SensorCommon = z.infer<typeof sensorCommon>
export type CampaignConfig = Config['campaigns'][number]
