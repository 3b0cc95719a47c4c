import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** unix(7): `sun_path` holds 108 bytes with its closing zero. */
const MAX_SOCKET_PATH_BYTES = 107

/** Where the agent of this data directory listens: in it, unless that path is too long. */
export function socketPath(dataDir: string): string {
  const beside = join(dataDir, 'agent.sock')
  if (Buffer.byteLength(beside) <= MAX_SOCKET_PATH_BYTES) return beside
  const digest = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  return join(tmpdir(), `milepost-${digest}.sock`)
}
