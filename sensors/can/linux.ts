import koffi from 'koffi'

// The C library's calls, loaded when a CAN socket is opened for the first time.

const libc = koffi.load(null)
const recvmmsgFunction = libc.func(
  'int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)',
)

export const socket = libc.func('int socket(int domain, int type, int protocol)')
export const bind = libc.func('int bind(int fd, const void *address, unsigned int length)')
export const close = libc.func('int close(int fd)')
export const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
)
export const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, void *value, void *length)',
)
export const send = libc.func('long send(int fd, const void *data, size_t length, int flags)')

/** Messages received, or the negative errno. Blocks as long as SO_RCVTIMEO says. */
export function recvmmsg(fd: number, messages: unknown, count: number, flags: number): number {
  const got: number = recvmmsgFunction(fd, messages, count, flags, null)
  return got < 0 ? -koffi.errno() : got
}

/** errno of the call before. */
export function errno(): number {
  return koffi.errno()
}

/** Address of a buffer's memory, which stays while the buffer lives. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes)
}
