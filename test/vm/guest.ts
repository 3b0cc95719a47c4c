// What the cases share inside the machine: the tools that peers of ours are, and a sensor under test.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../agent/clock.ts'
import type { WantedIds } from '../../sensors/can/channel.ts'
import { socketcan } from '../../sensors/can/socketcan.ts'
import { Recorder } from '../sensors/recorder.ts'

export const VCAN = 'vcan0'

/** Runs a command to its end; answers what it printed. */
export function sh(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

export const cansend = (frame: string, name = VCAN): string => sh('cansend', name, frame)
export const ip = (line: string): string => sh('ip', ...line.split(' '))

/** A running sensor, with everything that it told. */
export interface Opened {
  readonly recorder: Recorder
  /** Settles with the error that ended it; undefined when it was stopped. */
  readonly ended: Promise<unknown>
  stop(): Promise<void>
  /** Resolves as soon as the condition holds; rejects where the sensor ends before. */
  until(condition: () => boolean): Promise<void>
}

/** Opens a `socketcan` sensor and waits until it is live. */
export async function openCan(
  t: TestContext,
  options: Record<string, unknown> = {},
  wanted?: WantedIds,
): Promise<Opened> {
  const recorder = new Recorder(systemClock)
  if (wanted) Object.assign(recorder, { wanted })
  const abort = new AbortController()
  const sensor = socketcan.create(socketcan.config.parse({ interface: VCAN, ...options }))
  const ended = sensor.run(recorder, abort.signal).catch((error: unknown) => error)
  const stop = async (): Promise<void> => {
    abort.abort()
    await ended
  }
  t.after(stop)
  const error = await Promise.race([recorder.until(() => recorder.opens > 0), ended])
  if (error) throw error
  const until = async (condition: () => boolean): Promise<void> => {
    const early = ended.then((error) => {
      if (!condition()) throw error ?? new Error('the sensor has ended')
    })
    await Promise.race([recorder.until(condition), early])
  }
  return { recorder, ended, stop, until }
}

/** candump in the background: the lines that it wrote so far. */
export async function candump(t: TestContext, ...args: string[]): Promise<string[]> {
  const child: ChildProcess = spawn('candump', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines: string[] = []
  let rest = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()!
    lines.push(...parts)
  })
  await once(child, 'spawn')
  // It prints nothing when it is ready: it is once its socket is bound.
  await eventually(() => sh('cat', '/proc/net/can/rcvlist_all').includes(VCAN))
  return lines
}

/** Waits for something that no event tells of. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20)
}
