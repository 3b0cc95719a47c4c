import type { AgentStatus } from '../status.ts'
import { counted, formatBytes, formatCount, paint } from './output.ts'

const EVERY_MS = 1_000

/** One line at the foot of the terminal, telling each second what the agent does. */
export class StatusLine {
  readonly #status: () => AgentStatus
  readonly #timer: NodeJS.Timeout
  #lastFrames = 0

  private constructor(status: () => AgentStatus) {
    this.#status = status
    this.#timer = setInterval(() => this.#draw(), EVERY_MS)
  }

  /** A status line where standard error is a terminal; nothing elsewhere. */
  static onTerminal(status: () => AgentStatus): StatusLine | undefined {
    return process.stderr.isTTY ? new StatusLine(status) : undefined
  }

  stop(): void {
    clearInterval(this.#timer)
    process.stderr.write('\r\u001b[2K')
  }

  #draw(): void {
    const status = this.#status()
    const frames = status.sensors.reduce((sum, sensor) => sum + sensor.frames, 0)
    const rate = frames - this.#lastFrames
    this.#lastFrames = frames
    const lanes = Object.values(status.sync?.lanes ?? {})
    const waiting = lanes.reduce((sum, lane) => sum + lane.records, 0)
    const anomalies = status.models.reduce((sum, model) => sum + model.anomalies, 0)
    const parts = [
      paint('bold', status.vehicle, process.stderr),
      `${formatCount(rate)} frames/s`,
      counted(status.records, 'record'),
      `${formatCount(waiting)} waiting (${formatBytes(status.sync?.outbox.fileBytes ?? 0)})`,
      `uplink ${status.sync?.uplink.state ?? 'off'}`,
      anomalies ? paint('red', `${anomalies} anomalies`, process.stderr) : 'no anomaly',
    ]
    process.stderr.write(`\r\u001b[2K${parts.join('  ')}`)
  }
}
