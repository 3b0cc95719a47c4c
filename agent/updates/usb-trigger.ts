import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The folder of a stick that holds a repository. */
const USB_FOLDER = 'milepost-releases'
/** Sticks looked at in one folder of mounts. */
const MAX_MOUNTS = 16

/**
 * Looks now and then whether a repository was plugged in: `milepost-releases` in the folder itself or
 * in a folder of it, as a mount under /media. Called once for each that came, and again when its
 * timestamp changed.
 */
export class UsbTrigger {
  readonly #path: string
  readonly #call: (repository: string) => void
  readonly #timer: NodeJS.Timeout
  #seen = new Map<string, number>()
  #looking = false

  constructor(path: string, everyMs: number, call: (repository: string) => void) {
    this.#path = path
    this.#call = call
    this.#timer = setInterval(() => void this.look(), everyMs)
    void this.look()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    const seen = new Map<string, number>()
    try {
      for (const repository of await this.#candidates()) {
        const changedMs = await changed(join(repository, 'metadata', 'timestamp.json'))
        if (changedMs !== undefined) seen.set(repository, changedMs)
      }
      const before = this.#seen
      this.#seen = seen
      for (const [repository, changedMs] of seen) {
        if (before.get(repository) !== changedMs) this.#call(repository)
      }
    } finally {
      this.#looking = false
    }
  }

  async #candidates(): Promise<string[]> {
    const mounts = await readdir(this.#path).catch(() => [])
    const below = mounts.slice(0, MAX_MOUNTS).map((mount) => join(this.#path, mount, USB_FOLDER))
    return [join(this.#path, USB_FOLDER), ...below]
  }
}

async function changed(path: string): Promise<number | undefined> {
  return stat(path).then(
    (status) => (status.isFile() ? status.mtimeMs : undefined),
    // Unplugged, or never there.
    () => undefined,
  )
}
