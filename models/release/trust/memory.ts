import { join } from 'node:path'
import { sha256Of } from '../../bundle/canonical.ts'
import { type Disk, onDisk, replaceFile } from '../disk.ts'
import { decodeFloor, encodeFloor, FLOOR_FILE, type Floor } from './floor.ts'

const GENERATION = /^\d{10}$/
const STAGE = 'stage'

/** What the disk still knows. */
export interface Remembered {
  /** Highest number of a generation, also of one of which nothing else is left. */
  readonly last: number
  readonly floor: Floor | undefined
  /** Files of the newest generation that are as they were written, by name. */
  readonly files: ReadonlyMap<string, Buffer>
  /** Files that were damaged or lost; they are fetched anew. */
  readonly damaged: readonly string[]
  /** Folder and floor of the newest generation that made a plan, if every file of it is intact. */
  readonly complete: { readonly dir: string; readonly floor: Floor } | undefined
}

/**
 * Verified metadata on the disk, in generations: `metadata/0000000042/` holds the files of one refresh
 * and the floor. A generation is written aside, synced, and appears by one rename; none is ever changed.
 * The newest stays, and the newest that made a plan.
 */
export class TrustMemory {
  readonly stageDir: string
  readonly #disk: Disk
  readonly #dir: string
  readonly #metadataDir: string

  constructor(disk: Disk, dir: string) {
    this.#disk = disk
    this.#dir = dir
    this.#metadataDir = join(dir, 'metadata')
    this.stageDir = join(this.#metadataDir, STAGE)
  }

  async load(): Promise<Remembered> {
    const names = (await this.#disk.list(this.#metadataDir)).filter((name) => GENERATION.test(name))
    const numbers = names.map(Number).sort((a, b) => b - a)
    const known = new Map<number, Floor>()
    for (const path of [
      join(this.#dir, FLOOR_FILE),
      ...numbers.map((number) => join(this.#generation(number), FLOOR_FILE)),
    ]) {
      const floor = await this.#floor(path)
      const twin = floor && known.get(floor.generation)
      if (floor && (!twin || floor.ranMs > twin.ranMs)) known.set(floor.generation, floor)
    }
    const floors = [...known.values()].sort((a, b) => b.generation - a.generation)
    const newest = floors.at(0)
    const { files, damaged } = await this.#intact(newest)
    for (const older of floors.slice(1)) {
      if (files.has('root.json')) break
      const root = (await this.#intact(older)).files.get('root.json')
      if (root) files.set('root.json', root)
    }
    const complete = floors.find((floor) => floor.complete)
    const isWhole = complete && (await this.#intact(complete)).damaged.length === 0
    return {
      last: Math.max(0, newest?.generation ?? 0, ...numbers),
      floor: newest,
      files,
      damaged,
      complete: isWhole
        ? { dir: this.#generation(complete.generation), floor: complete }
        : undefined,
    }
  }

  /** An empty folder of that name holds these files, for tuf-js to work on. */
  async stage(files: ReadonlyMap<string, Buffer>): Promise<void> {
    const doing = `metadata in ${this.stageDir}`
    await onDisk(doing, this.#disk.remove(this.stageDir))
    await onDisk(doing, this.#disk.makeDir(this.stageDir))
    for (const [name, bytes] of files) {
      await onDisk(doing, this.#disk.write(join(this.stageDir, name), bytes))
    }
  }

  async staged(): Promise<Map<string, Buffer>> {
    const files = new Map<string, Buffer>()
    for (const name of (await this.#disk.list(this.stageDir)).sort()) {
      if (name.endsWith('.json')) files.set(name, await this.#disk.read(join(this.stageDir, name)))
    }
    return files
  }

  unstage(): Promise<void> {
    return this.#disk.remove(this.stageDir)
  }

  /** Makes what is staged the newest generation, in one step. `floor.files` are the files of it. */
  async commit(floor: Floor, keep: number | undefined): Promise<void> {
    const doing = `metadata in ${this.#metadataDir}`
    const steps = async () => {
      for (const name of await this.#disk.list(this.stageDir)) {
        const path = join(this.stageDir, name)
        if (name in floor.files) await this.#disk.sync(path)
        else await this.#disk.remove(path)
      }
      await this.#disk.write(join(this.stageDir, FLOOR_FILE), encodeFloor(floor))
      await this.#disk.syncDir(this.stageDir)
      const dir = this.#generation(floor.generation)
      await this.#disk.rename(this.stageDir, dir)
      await this.#disk.syncDir(this.#metadataDir)
      await this.remember(floor)
      for (const name of await this.#disk.list(this.#metadataDir)) {
        const isOld = GENERATION.test(name) && Number(name) !== floor.generation
        if (isOld && Number(name) !== keep) await this.#disk.remove(join(this.#metadataDir, name))
      }
    }
    await onDisk(doing, steps())
  }

  /** Writes the second copy of the floor, or a later time into it. */
  remember(floor: Floor): Promise<void> {
    return replaceFile(this.#disk, join(this.#dir, FLOOR_FILE), encodeFloor(floor))
  }

  async #intact(floor: Floor | undefined) {
    const files = new Map<string, Buffer>()
    const damaged: string[] = []
    for (const [name, sha256] of Object.entries(floor?.files ?? {})) {
      const path = join(this.#generation(floor!.generation), name)
      const bytes = await this.#disk.read(path).catch(() => undefined)
      if (bytes && sha256Of(bytes) === sha256) files.set(name, bytes)
      else damaged.push(name)
    }
    return { files, damaged }
  }

  async #floor(path: string): Promise<Floor | undefined> {
    const bytes = await this.#disk.read(path).catch(() => undefined)
    return bytes && decodeFloor(bytes)
  }

  #generation(number: number): string {
    return join(this.#metadataDir, String(number).padStart(10, '0'))
  }
}
