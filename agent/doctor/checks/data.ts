import type { Finding } from '../finding.ts'
import type { Check } from '../scene.ts'

/** The data folder is there and can be written. A running agent that keeps records proves it. */
export const dataCheck: Check = {
  name: 'data folder',
  async run({ dataDir, status, agent, probes }) {
    const check = 'data folder'
    // Whoever may not talk to the agent may not write its folder either, and need not.
    if (dataDir === undefined || agent === 'denied') return []
    if (status?.sync?.outbox.state === 'ok') {
      return [{ check, verdict: 'ok', code: 'OK', finding: `${dataDir} is in use.`, cause: 'data' }]
    }
    if (!probes.exists(dataDir)) {
      return [
        {
          check,
          verdict: 'note',
          code: 'DATA_DIR_NEW',
          finding: `${dataDir} is not there yet: the agent makes it when it starts.`,
          cause: 'data',
        },
      ]
    }
    try {
      probes.tryWriting(dataDir)
    } catch (error) {
      return [trouble(dataDir, error as NodeJS.ErrnoException)]
    }
    return [
      { check, verdict: 'ok', code: 'OK', finding: `${dataDir} can be written.`, cause: 'data' },
    ]
  },
}

function trouble(dir: string, error: NodeJS.ErrnoException): Finding {
  const check = 'data folder'
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return {
        check,
        verdict: 'broken',
        code: 'DATA_DIR_DENIED',
        finding: `This user may not write ${dir}.`,
        next: 'Give the folder to the user that runs the agent, or run this as that user.',
        command: `sudo chown -R milepost:milepost ${dir}`,
        cause: 'permission',
      }
    case 'EROFS':
      return {
        check,
        verdict: 'broken',
        code: 'DISK_READONLY',
        finding: `The disk of ${dir} is mounted read-only: records wait in memory and are then lost.`,
        next: 'A card that fails is remounted so by the kernel: see "dmesg | grep -i mmc", and replace it soon.',
        command: `sudo mount -o remount,rw "$(findmnt -no TARGET -T ${dir})"`,
        cause: 'disk',
      }
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        check,
        verdict: 'broken',
        code: 'DISK_FULL',
        finding: `The disk of ${dir} is full.`,
        next: 'Free some space; logs and old captures are the usual cause.',
        command: 'sudo journalctl --vacuum-size=50M',
        cause: 'disk',
      }
    default:
      return {
        check,
        verdict: 'broken',
        code: 'DATA_DIR_DENIED',
        finding: `${dir} cannot be written: ${error.message}`,
        next: 'Look at what it is, and at the disk below it.',
        command: `ls -ld ${dir}; findmnt -T ${dir}`,
        cause: 'data',
      }
  }
}
