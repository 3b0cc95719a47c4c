import { getSystemErrorName } from 'node:util'

/** Numbers of the kernel's interface (linux/can.h, linux/can/raw.h, asm-generic/socket.h). */
export const AF_CAN = 29
export const SOCK_RAW = 3
export const SOCK_CLOEXEC = 0o2000000
export const CAN_RAW = 1
export const SOL_SOCKET = 1
export const SO_RCVBUF = 8
export const SO_RCVTIMEO = 20
export const SO_RCVBUFFORCE = 33
export const SO_RXQ_OVFL = 40
export const SOL_CAN_RAW = 101
export const CAN_RAW_FILTER = 1
export const CAN_RAW_ERR_FILTER = 2
export const CAN_RAW_FD_FRAMES = 5
/** More filters than this are refused by the kernel. */
export const CAN_RAW_FILTER_MAX = 512
export const CAN_EFF_FLAG = 0x8000_0000
export const CAN_RTR_FLAG = 0x4000_0000
export const CAN_ERR_FLAG = 0x2000_0000
export const CAN_ERR_MASK = 0x1fff_ffff
export const CANFD_BRS = 1
export const CANFD_ESI = 2
/** `struct can_frame` and `struct canfd_frame`; also the interface's MTU for each. */
export const CAN_MTU = 16
export const CANFD_MTU = 72
export const MSG_DONTWAIT = 0x40
export const MSG_WAITFORONE = 0x10000
/** Received frames are stamped by the kernel's clock (Documentation/networking/timestamping). */
export const SOF_TIMESTAMPING_RX_SOFTWARE = 1 << 3
export const SOF_TIMESTAMPING_SOFTWARE = 1 << 4

export const EPERM = 1
export const EINTR = 4
export const ENXIO = 6
export const EAGAIN = 11
export const EACCES = 13
export const ENODEV = 19
export const EPROTONOSUPPORT = 93
export const EAFNOSUPPORT = 97
export const ENETDOWN = 100
export const ENOBUFS = 105

/** Bytes of a `long`, a pointer and a `size_t` here. */
export const WORD = process.arch === 'arm' || process.arch === 'ia32' ? 4 : 8
/** Its messages carry 64-bit times on every machine: on 32-bit ones that is the newer option. */
export const SO_TIMESTAMPING = WORD === 8 ? 37 : 65

/** `ENETDOWN` for 100. */
export function errorName(code: number): string {
  return getSystemErrorName(-code)
}
