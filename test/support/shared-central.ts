// Holds one central for a whole run of tests: says where it is on standard output, and ends when its
// standard input does.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCentral } from '../../deploy/central/central.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'milepost-central-'))
const central = await startCentral({ dataDir, progress: (message) => console.error(message) })
console.log(central.bootstrap)
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
await central.stop()
await rm(dataDir, { recursive: true, force: true })
process.exit(0)
