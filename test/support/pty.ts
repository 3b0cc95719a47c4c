import { closeSync, constants, openSync, rmSync, symlinkSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import koffi from 'koffi'

/** The far end of a serial line: what the adapter under test would be. */
export interface Pty {
  /** Path that a serial port library opens; the link where one was asked for. */
  readonly path: string
  /** Resolves when the bytes are with the kernel. */
  write(bytes: Uint8Array | string): Promise<void>
  /** Sets who gets what the other side writes. */
  onData(listener: (chunk: Buffer) => void): void
  /** Pulls the plug: the other side hangs up and the path is gone. */
  close(): Promise<void>
}

const libc = koffi.load('libc.so.6')
const posixOpenpt = libc.func('int posix_openpt(int flags)')
const grantpt = libc.func('int grantpt(int fd)')
const unlockpt = libc.func('int unlockpt(int fd)')
const ptsnameR = libc.func('int ptsname_r(int fd, _Out_ uint8_t *name, size_t length)')
const tcgetattr = libc.func('int tcgetattr(int fd, _Out_ uint8_t *termios)')
const cfmakeraw = libc.func('void cfmakeraw(_Inout_ uint8_t *termios)')
const tcsetattr = libc.func('int tcsetattr(int fd, int actions, uint8_t *termios)')

/** More than glibc's `struct termios` (60 bytes) needs. */
const TERMIOS_BYTES = 256

/**
 * Opens a pair of pseudo-terminals in raw mode; no other program is needed. `link` makes a symbolic
 * link to it, as udev does in /dev/serial/by-id, so that a second pair can come back under the same
 * name.
 */
export function openPty(link?: string): Pty {
  const master = posixOpenpt(constants.O_RDWR | constants.O_NOCTTY)
  check(master, 'posix_openpt')
  check(grantpt(master), 'grantpt')
  check(unlockpt(master), 'unlockpt')
  const name = Buffer.alloc(128)
  check(ptsnameR(master, name, name.length) === 0 ? 0 : -1, 'ptsname_r')
  const device = name.toString('latin1', 0, name.indexOf(0))
  // Held open until the plug is pulled: without any slave the master would read EIO.
  const slave = openSync(device, constants.O_RDWR | constants.O_NOCTTY)
  const termios = Buffer.alloc(TERMIOS_BYTES)
  check(tcgetattr(slave, termios), 'tcgetattr')
  cfmakeraw(termios)
  check(tcsetattr(slave, 0, termios), 'tcsetattr')
  if (link) symlinkSync(device, link)

  // A tty stream and not a file stream: its reads do not block a thread that close() waits for.
  const stream = new ReadStream(master)
  let listener: (chunk: Buffer) => void = () => {}
  stream.on('data', (chunk: Buffer) => listener(chunk))
  stream.on('error', () => {})
  return {
    path: link ?? device,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    onData: (next) => {
      listener = next
    },
    close: () =>
      new Promise((resolve) => {
        if (link) rmSync(link, { force: true })
        closeSync(slave)
        stream.once('close', () => resolve())
        stream.destroy()
      }),
  }
}

function check(result: number, what: string): void {
  if (result < 0) throw new Error(`${what} failed: errno ${koffi.errno()}`)
}
