// `npm run reference`: writes the pages beside this file, and the tables in READMEs, from the code.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pages } from './pages.ts'
import { writeReference } from './tables.ts'

for (const [name, text] of await pages()) {
  writeFileSync(join(import.meta.dirname, name), text)
  console.log(`agent/reference/${name}: ${text.split('\n').length - 1} lines`)
}
await writeReference()
