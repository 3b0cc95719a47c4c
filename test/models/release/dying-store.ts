import { FolderStore } from '../../../models/release/repository/store.ts'

/** A store that dies before its nth write, and says so. */
export class DyingStore extends FolderStore {
  left: number

  constructor(folder: string, left: number) {
    super(folder)
    this.left = left
  }

  override async put(path: string, bytes: Uint8Array, options: { ifAbsent?: boolean } = {}) {
    // Finding that a file is there is no write.
    if (options.ifAbsent && (await this.has(path)) !== undefined) return false
    if (this.left-- === 0) throw new Error('killed')
    return super.put(path, bytes, options)
  }
}
