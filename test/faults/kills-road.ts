import { Transform } from 'node:stream'
import { Link } from '../../agent/demo/link.ts'

/** A link that breaks after so many bytes, wherever in a request or an answer that is. */
export class Road {
  #link: Link | undefined
  #bytesLeft = Number.POSITIVE_INFINITY
  #broken: (() => void) | undefined

  static async reserve(): Promise<Road> {
    const road = new Road()
    road.#link = await Link.reserve(() => road.#meter())
    return road
  }

  get link(): Link {
    return this.#link!
  }

  /** Resolves once so many bytes more have passed, both ways together, and the link is cut. */
  async cutAfter(bytes: number, limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#broken = resolve
      this.#bytesLeft = bytes
      timer = setTimeout(resolve, limitMs)
    })
    clearTimeout(timer)
    await this.link.cut()
    this.#bytesLeft = Number.POSITIVE_INFINITY
  }

  #meter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _, pass) => {
        if (chunk.length < this.#bytesLeft) {
          this.#bytesLeft -= chunk.length
          return pass(null, chunk)
        }
        // What was still on its way arrives, and nothing after it: `pass` is never called again.
        const last = chunk.subarray(0, this.#bytesLeft)
        this.#bytesLeft = 0
        pass(null, last)
        setImmediate(() => this.#broken?.())
      },
    })
  }
}
