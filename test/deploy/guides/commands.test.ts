import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../support/cli.ts'
import { runBlocks } from './blocks.ts'
import { type CommandBlock, commandBlocks, isRun, pages, RUN } from './commands.ts'
import { notRun } from './not-run.ts'
import { unknownIn } from './spelling.ts'

const all = pages().flatMap(commandBlocks)
const shown = ({ page, first }: CommandBlock): string => `${page}: ${first}`

test('every block of commands is run as written, or it says here why it is not', () => {
  const reasoned = (block: CommandBlock): boolean =>
    notRun.some(([page, first = block.first]) => page === block.page && first === block.first)
  const silent = all.filter((block) => !isRun(block) && !reasoned(block))
  assert.deepEqual(silent.map(shown), [], 'run it (RUN in commands.ts), or say why in not-run.ts')
})

test('no reason is left of a block that is gone, or that is run', () => {
  for (const [page, first] of notRun) {
    const blocks = all.filter((each) => each.page === page && (first ?? each.first) === each.first)
    assert.ok(blocks.length > 0, `${page} has no block that begins with: ${first}`)
    assert.deepEqual(blocks.filter(isRun).map(shown), [], 'these are run')
  }
})

test('what no test runs as written is spelled right at least: commands, options, scripts', () => {
  const wrong = all.flatMap((block) => unknownIn(block.text).map((what) => [shown(block), what]))
  assert.deepEqual(wrong, [])
})

test('a command, an option or a script that does not exist is found', () => {
  const block = `npm run demmo
milepost statuss | watch
milepost buffer statt
sudo milepost buffer export x --takes # --y
milepost buffer export x --take`
  assert.deepEqual(unknownIn(block), ['demmo', 'statuss', 'buffer statt', 'buffer export --takes'])
})

test('what the README begins with is what the gate runs', () => {
  const gate = readFileSync(join(ROOT, '.ci/run'), 'utf8')
  for (const command of ['npm ci', 'npm run build', 'npm test', 'npm run demo']) {
    assert.match(gate, new RegExp(`^${command}$`, 'm'))
  }
})

for (const [page, first] of RUN) {
  test(`${page}: the block of "${first.slice(0, 40)}" runs as written`, async (t) => {
    const block = all.find((each) => each.page === page && each.first === first)
    assert.ok(block, 'it is on the page')
    await runBlocks(t, [block.text], {}, ['models', 'test'])
  })
}
