import type { Socket } from 'node:net'
import koffi from 'koffi'

/** unix(7): `SO_PEERCRED` fills a `struct ucred` of three 32-bit numbers: pid, uid, gid. */
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const UCRED_BYTES = 12

type GetSockOpt = (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: number[],
) => number
/** False where there is none. */
let getsockopt: GetSockOpt | false | undefined

/** User id of the process that connected to a Unix socket; undefined where the system does not tell. */
export function peerOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd
  if (fd === undefined || fd < 0) return undefined
  getsockopt ??= load()
  const ucred = Buffer.alloc(UCRED_BYTES)
  if (getsockopt === false) return undefined
  const failed = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, [UCRED_BYTES])
  return failed === 0 ? ucred.readUInt32LE(4) : undefined
}

function load(): GetSockOpt | false {
  if (process.platform !== 'linux') return false
  try {
    return koffi
      .load('libc.so.6')
      .func('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)') as GetSockOpt
  } catch {
    return false
  }
}
