import { closeSync, constants, openSync, rmSync, symlinkSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReadStream } from 'node:tty'
import koffi from 'koffi'

/** The far end of a serial line: what the adapter under test would be. */
export interface Pty {
  /** Path that a serial port library opens; the link where one was asked for. */
  readonly path: string
  /** Resolves when the bytes are with the kernel. Rejects once the plug is pulled. */
  write(bytes: Uint8Array | string): Promise<void>
  /** Sets who gets what the other side writes. */
  onData(listener: (chunk: Buffer) => void): void
  /** Pulls the plug: the other side hangs up and the path is gone. May be called again. */
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

const fcntl = libc.func('int fcntl(int fd, int command, ...)')

/** From fcntl.h. */
const F_SETFL = 4
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
  // libuv leaves a master blocking, and a full line would then block this process, its own reader.
  check(fcntl(master, F_SETFL, 'int', constants.O_RDWR | constants.O_NONBLOCK), 'fcntl')
  let listener: (chunk: Buffer) => void = () => {}
  stream.on('data', (chunk: Buffer) => listener(chunk))
  stream.on('error', () => {})
  let writing: Promise<void> = Promise.resolve()
  const closed = (): boolean => stream.destroyed
  return {
    path: link ?? device,
    write: (bytes) => {
      const written = writing.then(() => writeAll(master, Buffer.from(bytes as string), closed))
      writing = written.catch(() => {})
      return written
    },
    onData: (next) => {
      listener = next
    },
    close: () =>
      new Promise((resolve) => {
        if (stream.destroyed) {
          resolve()
          return
        }
        if (link) rmSync(link, { force: true })
        closeSync(slave)
        stream.once('close', () => resolve())
        stream.destroy()
      }),
  }
}

/**
 * Writes as the line takes it, without holding up the process while the line is full. Rejects once the
 * plug is pulled: the number of a closed file soon belongs to another, often to the next terminal.
 */
async function writeAll(fd: number, bytes: Buffer, closed: () => boolean): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    if (closed()) throw new Error('the plug was pulled')
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await sleep(1)
    }
  }
}

function check(result: number, what: string): void {
  if (result < 0) throw new Error(`${what} failed: errno ${koffi.errno()}`)
}
