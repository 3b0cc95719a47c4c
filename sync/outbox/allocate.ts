import koffi from 'koffi'

type Fallocate = (fd: number, offset: number, length: number) => number

let call: Fallocate | null | undefined

/**
 * Gives a part of a file blocks on the disk without writing to it (posix_fallocate(3)), so that later
 * writes there cannot fail for lack of room. False where the disk has none; true also where the system
 * knows no such call, and a copy-on-write file system may not keep the promise.
 */
export function allocate(fd: number, offset: number, length: number): boolean {
  call ??= load()
  if (!call) return true
  const error = call(fd, offset, length)
  return error !== ENOSPC && error !== EDQUOT
}

const ENOSPC = 28
const EDQUOT = 122

function load(): Fallocate | null {
  if (process.platform !== 'linux') return null
  try {
    // glibc's name for 64-bit offsets on every machine; musl does without this.
    const declaration = 'int posix_fallocate64(int fd, int64_t offset, int64_t len)'
    return koffi.load(null).func(declaration) as unknown as Fallocate
  } catch {
    return null
  }
}
