import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Transform } from 'node:stream'

/**
 * The road between vehicles and central: a TCP relay that can be cut. While it is cut, open
 * connections break and new ones are refused, as when a vehicle leaves coverage.
 */
export class Link {
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()
  #target: { host: string; port: number } | undefined
  readonly #through: (() => Transform) | undefined
  #port = 0

  private constructor(through: (() => Transform) | undefined) {
    this.#through = through
  }

  /**
   * Reserves a local port for the link; nothing passes before `restore`.
   * @param through makes what the bytes of one connection, one way, have to pass: to slow them, to
   * count them, to cut them off
   */
  static async reserve(through?: () => Transform): Promise<Link> {
    const link = new Link(through)
    await link.#listen()
    await link.cut()
    return link
  }

  /** Where vehicles connect to; stays the same through cuts. */
  get port(): number {
    return this.#port
  }

  get up(): boolean {
    return this.#server !== undefined
  }

  pointAt(host: string, port: number): void {
    this.#target = { host, port }
  }

  async restore(): Promise<void> {
    if (!this.#server) await this.#listen()
  }

  async cut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
    if (server) await new Promise((resolve) => server.close(resolve))
  }

  async #listen(): Promise<void> {
    const server = createServer((vehicle) => this.#relay(vehicle))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  #relay(vehicle: Socket): void {
    if (!this.#target) return void vehicle.destroy()
    const central = connect(this.#target)
    for (const [socket, other] of [
      [vehicle, central],
      [central, vehicle],
    ]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
      if (this.#through) socket.pipe(this.#through()).pipe(other)
      else socket.pipe(other)
    }
  }
}
