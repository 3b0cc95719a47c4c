import { execFile } from 'node:child_process'
import { delimiter } from 'node:path'
import { promisify } from 'node:util'
import { prepare } from '../../deploy/central/prepare.ts'

const LIMIT_MS = 120_000
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/**
 * Runs one of Apache Kafka's own tools, by its main class; resolves with what it printed. Its log is
 * off, which would go to standard output too; a failure ends it with another exit code than 0.
 */
export async function kafkaTool(mainClass: string, ...args: string[]): Promise<string> {
  const { java, artifacts, classData } = await prepare(() => {})
  const jars = [...(await artifacts.jars('tether')), ...(await artifacts.jars('broker'))]
  const { stdout } = await promisify(execFile)(
    java,
    [
      ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'],
      ...(classData ? [`-XX:SharedArchiveFile=${classData}`] : []),
      ...['-Dlog4j2.level=OFF', '-cp', jars.join(delimiter)],
      mainClass,
      ...args,
    ],
    { timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT_BYTES },
  )
  return stdout
}

/** Offsets by partition as Kafka's own tool tells them; `earliest-local`: on the broker's disk. */
export async function offsetsOf(
  bootstrap: string,
  topic: string,
  time: 'earliest' | 'latest' | 'earliest-local',
): Promise<Map<number, number>> {
  const output = await kafkaTool(
    'org.apache.kafka.tools.GetOffsetShell',
    ...['--bootstrap-server', bootstrap, '--topic', topic, '--time', time],
  )
  return new Map(
    output
      .trim()
      .split('\n')
      .map((line) => line.split(':'))
      .map(([, partition, offset]) => [Number(partition), Number(offset)]),
  )
}

/**
 * Values of a topic's first `count` records as text, as Kafka's own consumer reads them; fewer where no
 * more come.
 */
export async function consoleConsume(
  bootstrap: string,
  topic: string,
  count: number,
): Promise<string[]> {
  const output = await kafkaTool(
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...['--bootstrap-server', bootstrap, '--topic', topic, '--from-beginning'],
    ...['--isolation-level', 'read_committed', '--timeout-ms', '60000'],
    ...['--max-messages', String(count)],
  )
  return output.split('\n').filter((line) => line !== '')
}
