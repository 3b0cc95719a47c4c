import { SensorError } from '../errors.ts'
import { pause } from '../wait.ts'
import type { Elm327Config } from './config.ts'
import { parseFrameLine } from './frame-line.ts'
import { PROTOCOL_NAMES, PROTOCOLS, type ProtocolName, protocolNumbered } from './protocol.ts'
import type { ElmSession } from './session.ts'

/** What was found out about the adapter and the bus. */
export interface Adapter {
  /** `ELM327 v1.5`, `STN1110 v4.2.0`. */
  readonly name: string
  /** Chip of ScanTool/OBDLink, which knows ST commands. */
  readonly stn: boolean
  /** Lines carry the number of bytes. */
  readonly printsLength: boolean
  readonly protocol: ProtocolName
}

/** A reset takes up to a second; clones take longer. */
const RESET_TIMEOUT_MS = 3000
const INTERRUPT_TIMEOUT_MS = 300
const RESET_ATTEMPTS = 2
/** A search tries a dozen protocols, some of them for seconds. */
const ASK_TIMEOUT_MS = 20_000
/** `ATST` counts units of 4 ms in one byte. */
const TIMEOUT_UNIT_MS = 4

/** Settings, and whether an adapter without them can be used. */
const SETTINGS = [
  ['ATE0', false], // no echo: halves what the line carries
  ['ATL0', false], // no line feeds
  ['ATS0', false], // no spaces
  ['ATH1', true], // identifiers, without which a frame is nothing
  ['ATAL', false], // all eight bytes
  ['ATAT1', false], // adaptive timing
] as const

/**
 * Brings the adapter from any state to the bus. `lines` is where frames go meanwhile, for the search.
 * @throws SensorError DEVICE_PROTOCOL: nothing answers, it is no ELM327, or no CAN bus is found
 */
export async function setUp(
  session: ElmSession,
  config: Elm327Config,
  heard: { lines: string[] },
  signal: AbortSignal,
): Promise<Adapter> {
  const name = await identify(session, config)
  for (const [command, needed] of SETTINGS) {
    if (!(await accepted(session, command)) && needed) throw unfit(config, command)
  }
  const units = Math.min(255, Math.max(1, Math.round(config.answerTimeoutMs / TIMEOUT_UNIT_MS)))
  await session.command(`ATST${units.toString(16).toUpperCase().padStart(2, '0')}`)
  const stn = (await session.command('STI'))?.find((line) => /^STN/.test(line))
  const asked = config.protocol === 'auto' && config.search === 'ask'
  const found = asked ? await ask(session, config) : undefined
  if (!(await accepted(session, 'ATCAF0'))) throw unfit(config, 'ATCAF0')
  const printsLength = await accepted(session, 'ATD1')
  // Silent until the bitrate is known to be right: a wrong one disturbs the whole bus.
  await session.command('ATCSM1')
  const protocol =
    found ??
    (config.protocol === 'auto'
      ? await listen(session, config, printsLength, heard, signal)
      : config.protocol)
  if (!(await accepted(session, `ATTP${PROTOCOLS[protocol].number}`))) {
    throw unfit(config, `ATTP${PROTOCOLS[protocol].number}`)
  }
  if (!config.listenOnly) await session.command('ATCSM0')
  return { name: stn ?? name, stn: stn !== undefined, printsLength, protocol }
}

/** Resets the adapter, whatever it was doing, and returns what it calls itself. */
async function identify(session: ElmSession, config: Elm327Config): Promise<string> {
  let said: string[] | undefined
  for (let attempt = 0; attempt < RESET_ATTEMPTS; attempt++) {
    await session.interrupt(INTERRUPT_TIMEOUT_MS)
    // Half a command of an earlier owner may stand before the first; the second is then whole.
    said = await session.command('ATZ', RESET_TIMEOUT_MS)
    const name = said?.find((line) => /^(ELM327|STN|OBDLink|OBDII)/i.test(line))
    if (name) return name
  }
  const heard = said?.length ? ` It says "${said[0].slice(0, 40)}".` : ''
  throw new SensorError(
    'DEVICE_PROTOCOL',
    `Nothing on ${config.port} speaks ELM327 at ${config.baudRate} bit/s.${heard}`,
    {
      hint: 'Set baudRate to that of the adapter (38400, 115200, 9600 and 500000 are common), and check that the port is the adapter: ls -l /dev/serial/by-id.',
    },
  )
}

async function accepted(session: ElmSession, command: string): Promise<boolean> {
  return (await session.command(command))?.at(-1) === 'OK'
}

/** Lets the adapter search by asking the vehicle (`0100`), which sends on the bus. */
async function ask(session: ElmSession, config: Elm327Config): Promise<ProtocolName> {
  await session.command('ATTPA6')
  const answer = await session.command('0100', ASK_TIMEOUT_MS)
  const number = (await session.command('ATDPN'))?.at(-1) ?? ''
  const protocol = protocolNumbered(number)
  if (protocol && answer?.some((line) => /41 ?00/.test(line))) return protocol
  throw noBus(config, answer?.at(-1))
}

/** Listens on one protocol after the other until frames come. */
async function listen(
  session: ElmSession,
  config: Elm327Config,
  printsLength: boolean,
  heard: { lines: string[] },
  signal: AbortSignal,
): Promise<ProtocolName> {
  for (const name of PROTOCOL_NAMES) {
    if (!(await accepted(session, `ATTP${PROTOCOLS[name].number}`))) continue
    heard.lines = []
    let ended = false
    await session.begin('ATMA', () => {
      ended = true
    })
    const framed = (): boolean =>
      heard.lines.some((line) => parseFrameLine(line, PROTOCOLS[name].ext, printsLength))
    const endMs = performance.now() + config.searchMs
    while (!ended && !framed() && performance.now() < endMs && !signal.aborted) {
      await pause(Math.min(20, config.searchMs), signal)
    }
    if (!ended) await session.interrupt(INTERRUPT_TIMEOUT_MS)
    if (framed()) return name
    if (signal.aborted) break
  }
  throw noBus(config)
}

function noBus(config: Elm327Config, said?: string): SensorError {
  const told = said ? ` It says "${said.slice(0, 40)}".` : ''
  return new SensorError(
    'DEVICE_PROTOCOL',
    `The adapter on ${config.port} finds no CAN bus.${told}`,
    {
      hint: 'Switch the ignition on. Many cars say nothing unless asked: set listenOnly: false and search: ask, or name the protocol (can-11-500 fits most cars since 2008).',
    },
  )
}

function unfit(config: Elm327Config, command: string): SensorError {
  return new SensorError(
    'DEVICE_PROTOCOL',
    `The adapter on ${config.port} does not know ${command}.`,
    {
      hint: 'It is a poor copy of an ELM327; use one that knows version 1.3 of its commands, such as an OBDLink.',
    },
  )
}
