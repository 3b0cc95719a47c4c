import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int, int, int)')
const bind = libc.func('int bind(int, const uint8_t *, uint32_t)')
const recv = libc.func('long recv(int, _Out_ uint8_t *, size_t, int)')
const close = libc.func('int close(int)')

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MSG_DONTWAIT = 0x40

/** The socket on which systemd hears its services; a datagram each time. */
export class NotifySocket {
  readonly path: string
  readonly #fd: number
  readonly messages: string[] = []

  constructor(path: string) {
    this.path = path
    this.#fd = socket(AF_UNIX, SOCK_DGRAM, 0)
    const name = Buffer.from(path)
    if (path.startsWith('@')) name[0] = 0
    const address = Buffer.concat([
      Buffer.from([AF_UNIX, 0]),
      name,
      Buffer.alloc(path[0] === '@' ? 0 : 1),
    ])
    if (bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot bind ${path}`)
  }

  /** Takes what has come; answers all there is so far. */
  read(): string[] {
    const bytes = Buffer.alloc(4096)
    for (;;) {
      const length = Number(recv(this.#fd, bytes, bytes.length, MSG_DONTWAIT))
      if (length < 0) return this.messages
      this.messages.push(bytes.toString('utf8', 0, length))
    }
  }

  /** What comes from now on, until this is called again. */
  take(): string[] {
    const taken = [...this.read()]
    this.messages.length = 0
    return taken
  }

  close(): void {
    close(this.#fd)
  }
}
