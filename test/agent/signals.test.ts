import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from '../../agent/agent.ts'
import { loadConfig } from '../../agent/config/load.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import { makeLogger } from '../../agent/log.ts'
import { writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'

/** Status of the answer; undefined where nobody listens yet. */
function answered(path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath: path, path: '/signals' }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    call.on('error', () => resolve(undefined))
    call.end()
  })
}

test('signals can be asked for as soon as the control socket answers', async (t) => {
  const dir = tempDir(t)
  const config = loadConfig(writeConfig(dir, { sensors: [{ id: 'sim', kind: 'simulator' }] }))
  const starting = Agent.start(config, makeLogger('silent'))
  let status = await answered(socketPath(config.dataDir))
  while (status === undefined) {
    await sleep(1)
    status = await answered(socketPath(config.dataDir))
  }
  const agent = await starting
  await agent.stop()
  assert.equal(status, 200)
})
