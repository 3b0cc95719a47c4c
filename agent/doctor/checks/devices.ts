import { complaintOf } from '../../error.ts'
import type { Finding } from '../finding.ts'
import type { Check, Scene } from '../scene.ts'

/** Interfaces and serial ports of the config are there; asked of the system while no agent runs. */
export const devicesCheck: Check = {
  name: 'devices',
  async run(scene) {
    // A running agent knows better than we: it has them open.
    if (scene.status || !scene.config) return []
    return scene.config.sensors.flatMap(({ common, kind, config }) => {
      const { port, interface: named } = config as { port?: unknown; interface?: unknown }
      const check = `sensor ${common.id}`
      if (kind.kind === 'socketcan') {
        return [canFinding(scene, check, typeof named === 'string' ? named : common.bus)]
      }
      if (typeof port === 'string') return [portFinding(scene, check, port)]
      return []
    })
  },
}

function canFinding({ probes }: Scene, check: string, name: string): Finding {
  const cause = 'device'
  try {
    if (probes.canInterface(name).up) {
      return { check, verdict: 'ok', code: 'OK', finding: `${name} is up.`, cause }
    }
    return {
      check,
      verdict: 'broken',
      code: 'DEVICE_DOWN',
      finding: `Interface ${name} is there and down.`,
      next: 'Bring it up with the bitrate of the bus.',
      command: `sudo ip link set ${name} up type can bitrate 500000 restart-ms 100`,
      cause,
    }
  } catch (error) {
    const { code, message, hint } = complaintOf(error)
    const next = hint ?? 'Plug it in, and see dmesg.'
    return {
      check,
      verdict: 'broken',
      code,
      finding: message,
      next,
      command: 'ip -brief link',
      cause,
    }
  }
}

function portFinding({ probes }: Scene, check: string, port: string): Finding {
  try {
    probes.tryDevice(port)
    return { check, verdict: 'ok', code: 'OK', finding: `${port} is there.`, cause: 'device' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return missingPort(check, port)
    return deniedPort(check, `No permission to open ${port}.`)
  }
}

function missingPort(check: string, port: string): Finding {
  return {
    check,
    verdict: 'broken',
    code: 'DEVICE_MISSING',
    finding: `There is no ${port}.`,
    next: 'Plug the adapter in; take its name from /dev/serial/by-id, which stays the same.',
    command: 'ls -l /dev/serial/by-id; dmesg | tail',
    cause: 'device',
  }
}

export function deniedPort(check: string, finding: string): Finding {
  return {
    check,
    verdict: 'broken',
    code: 'DEVICE_DENIED',
    finding,
    next: 'Serial ports belong to the group dialout: add the user of the agent to it.',
    command: 'sudo usermod -aG dialout milepost && sudo systemctl restart milepost',
    cause: 'permission',
  }
}
