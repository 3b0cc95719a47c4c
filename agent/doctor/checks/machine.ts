import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** Below this the next update, log or capture finds no place. */
const LOW_DISK_BYTES = 100 * 2 ** 20
const FULL_DISK_BYTES = 4 * 2 ** 20
/** Below this the kernel is about to end processes. */
const LOW_MEMORY_BYTES = 64 * 2 ** 20

/** Room on the disk and in memory. */
export const machineCheck: Check = {
  name: 'machine',
  async run({ dataDir, probes }) {
    const findings: Finding[] = []
    if (dataDir !== undefined && probes.exists(dataDir)) {
      const { free } = await probes.disk(dataDir)
      findings.push(diskFinding(dataDir, free))
    }
    const free = probes.memoryFree()
    findings.push(
      free < LOW_MEMORY_BYTES
        ? {
            check: 'memory',
            verdict: 'trouble',
            code: 'MEMORY_LOW',
            finding: `Only ${mib(free)} of memory are left: the kernel may end the agent.`,
            next: 'See who uses it, and stop what is not needed.',
            command: 'ps -eo rss,comm --sort=-rss | head',
            cause: 'memory',
          }
        : {
            check: 'memory',
            verdict: 'ok',
            code: 'OK',
            finding: `${mib(free)} of memory are free.`,
            cause: 'memory',
          },
    )
    return findings
  },
}

function diskFinding(dir: string, free: number): Finding {
  const check = 'disk'
  const cause = 'disk'
  if (free >= LOW_DISK_BYTES) {
    return { check, verdict: 'ok', code: 'OK', finding: `${mib(free)} are free.`, cause }
  }
  const full = free < FULL_DISK_BYTES
  return {
    check,
    verdict: full ? 'broken' : 'trouble',
    code: full ? 'DISK_FULL' : 'DISK_LOW',
    finding: full
      ? `The disk of ${dir} is full: ${mib(free)} are left.`
      : `The disk of ${dir} is nearly full: ${mib(free)} are left.`,
    next: 'Free some space; logs and old captures are the usual cause.',
    command: 'sudo journalctl --vacuum-size=50M',
    cause,
  }
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`
}
