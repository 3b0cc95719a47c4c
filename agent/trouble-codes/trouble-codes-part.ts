import { z } from 'zod'
import type { TroubleCode } from '../../sensors/sensor.ts'
import { operation } from '../api/operation.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'
import type { CodeReader } from './code-reader.ts'

/** A trouble code and the sensor that read it. */
export interface SensorCode extends TroubleCode {
  readonly sensor: string
}

/** What a clearing came to. */
export interface Cleared {
  readonly sensor: string
  /** What each ECU answered: `positive`, `negative`, `silent`, `broken`. */
  readonly ecus: Readonly<Record<string, string>>
  /** What is left, as read right after it. */
  readonly left: readonly SensorCode[]
}

/** Trouble codes over the API: read by anybody, cleared where the sensor's config allows it. */
export function troubleCodesPart(context: PartContext): Part {
  const codesOf = ({ sensor, codes }: CodeReader): SensorCode[] =>
    codes().map((code) => ({ sensor, ...code }))
  context.api.add(
    operation({
      method: 'GET',
      path: '/dtc',
      role: 'read',
      summary:
        'show the trouble codes that are known now: status, first and last seen, freeze frame',
      answer: () => ({
        sensors: context.codeReaders().map(({ sensor, kind }) => ({ sensor, kind })),
        codes: context.codeReaders().flatMap(codesOf),
      }),
    }),
    operation({
      method: 'POST',
      path: '/dtc/clear',
      role: 'operate',
      summary:
        'clear the trouble codes of every ECU of a sensor, and their freeze frames with them',
      body: z.strictObject({ sensor: z.string().max(64).optional() }),
      answer: async ({ body }): Promise<Cleared> => {
        const reader = chosen(context.codeReaders(), body.sensor)
        const ecus = await reader.clear()
        return { sensor: reader.sensor, ecus, left: codesOf(reader) }
      },
    }),
  )
  return { name: 'dtc', status: () => known(context.codeReaders()), stop: () => {} }
}

function known(readers: readonly CodeReader[]): { known: number } {
  return { known: readers.reduce((sum, { codes }) => sum + codes().length, 0) }
}

/** The sensor that is meant: the one that is named, or the only one that could. */
function chosen(readers: readonly CodeReader[], name: string | undefined): Required<CodeReader> {
  const can = readers.filter((one): one is Required<CodeReader> => one.clear !== undefined)
  const names = can.map(({ sensor }) => sensor).join(', ')
  const found = can.find(({ sensor }) => sensor === name)
  if (found) return found
  if (name !== undefined || can.length === 0) {
    const what = name === undefined ? 'No sensor' : `No sensor "${name}"`
    throw new AgentError('NOT_FOUND', `${what} can clear trouble codes.`, {
      hint: names ? `These can: ${names}.` : 'Sensors of kind obd can; none is in the config.',
    })
  }
  if (can.length === 1) return can[0]
  throw new AgentError('BAD_REQUEST', 'More than one sensor can clear trouble codes.', {
    hint: `Name one: --sensor ${can[0].sensor} (of ${names}).`,
  })
}
