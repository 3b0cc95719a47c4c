import koffi from 'koffi'

/** unix(7), socket(7). */
const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000
const MSG_NOSIGNAL = 0x4000
/** `sun_path` begins after the family. */
const PATH_AT = 2
const MAX_PATH_BYTES = 108

/** Tells systemd how the service is: sd_notify(3), without its library. */
export interface Notifier {
  /** Lines such as `READY=1`. Never throws; false: it could not be told. */
  send(...lines: string[]): boolean
}

/** Undefined where nobody wants to know: not started by systemd, or `NotifyAccess=none`. */
export function notifier(env: NodeJS.ProcessEnv = process.env): Notifier | undefined {
  const path = env.NOTIFY_SOCKET
  if (!path || !/^[/@]/.test(path) || Buffer.byteLength(path) >= MAX_PATH_BYTES) return undefined
  const libc = koffi.load(null)
  const socket = libc.func('int socket(int, int, int)')
  const close = libc.func('int close(int)')
  const sendto = libc.func(
    'long sendto(int, const uint8_t *, size_t, int, const uint8_t *, uint32_t)',
  )
  const name = Buffer.from(path)
  // A name in the abstract namespace begins with a zero instead of its `@`.
  if (path.startsWith('@')) name[0] = 0
  const address = Buffer.alloc(PATH_AT + name.length + (path.startsWith('@') ? 0 : 1))
  address.writeUInt16LE(AF_UNIX)
  name.copy(address, PATH_AT)
  return {
    send(...lines) {
      const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number
      if (fd < 0) return false
      const bytes = Buffer.from(lines.join('\n'))
      const sent = Number(sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length))
      close(fd)
      return sent === bytes.length
    },
  }
}

/** How often systemd wants to hear `WATCHDOG=1`; undefined where it does not, sd_watchdog_enabled(3). */
export function watchdogMs(env: NodeJS.ProcessEnv = process.env): number | undefined {
  const usec = Number(env.WATCHDOG_USEC)
  const ours = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid
  return ours && usec > 0 ? usec / 1000 : undefined
}
