import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { SensorError } from '../../../sensors/errors.ts'
import { until } from '../../support/until.ts'
import { monitor, onAdapter, talk } from './bench.ts'

// Each waits for its own adapter most of the time.
describe('ELM327 where something is wrong', { concurrency: true }, () => {
  it('says that no bus was found, and what to do', async () => {
    await onAdapter({}, { searchMs: 100 }, async ({ recorder, start }) => {
      await assert.rejects(start().running, (error: SensorError) => {
        assert.equal(error.code, 'DEVICE_PROTOCOL')
        assert.match(error.hint ?? '', /ignition.*search: ask/)
        return true
      })
      assert.equal(recorder.opens, 0)
    })
  })

  it('counts a full buffer and goes on', async () => {
    await onAdapter({}, monitor, async ({ recorder, elm, vehicle, start }) => {
      start()
      await talk(vehicle, recorder)
      elm.fail('BUFFER FULL')
      await recorder.until(() => recorder.drops.queue_full === 1)
      recorder.seen.length = 0
      await talk(vehicle, recorder)
      assert.equal(recorder.facts.bufferFull, 1)
    })
  })

  it('gives up on a bus that has errors alone', async () => {
    await onAdapter({ busProtocol: '8' }, monitor, async ({ start }) => {
      await assert.rejects(start().running, (error: SensorError) => {
        assert.equal(error.code, 'DEVICE_PROTOCOL')
        assert.match(error.hint ?? '', /bitrate.*protocol: auto/)
        return true
      })
    })
  })

  it('counts rubbish between frames, and takes none of it for a frame', async () => {
    await onAdapter({}, monitor, async ({ recorder, elm, vehicle, start }) => {
      start()
      await talk(vehicle, recorder)
      recorder.seen.length = 0
      // Digits lost from a frame, an error in one, no text at all, a line without end.
      elm.say('12330102\r1233010203 <RX ERROR\r\xff\xfe\r7E8\r')
      elm.say(`${'A'.repeat(1000)}\r`)
      elm.say('1233040506\r')
      await recorder.until(() => recorder.seen.some(({ data }) => data === '040506'))
      assert.deepEqual(
        recorder.seen.filter(({ data }) => data !== '010203').map(({ data }) => data),
        ['040506'],
      )
      assert.deepEqual(recorder.drops, { parse_error: 5 })
    })
  })

  it('sets up an adapter that an earlier owner left in the middle of a word, or listening', async () => {
    for (const left of ['01 0', 'ATMA\r']) {
      await onAdapter({}, monitor, async ({ recorder, elm, vehicle, link, start }) => {
        writeFileSync(link, left)
        elm.say('\x80\xff7E8\r>\r41 0')
        start()
        await talk(vehicle, recorder)
        assert.equal(recorder.seen[0].data, '010203')
        assert.equal(recorder.opens, 1)
        const requests = elm.commands.filter((command) => /^[0-9A-F]+$/.test(command))
        assert.deepEqual(requests, [])
      })
    }
  })

  it('notices an adapter that hangs, and one that resets itself', async () => {
    const config = { ...monitor, probeEveryMs: 100 }
    await onAdapter({}, config, async ({ recorder, elm, vehicle, start }) => {
      const { running } = start()
      await talk(vehicle, recorder)
      elm.hung = true
      await assert.rejects(running, { code: 'DEVICE_LOST' })
    })
    await onAdapter({}, config, async ({ recorder, elm, vehicle, start }) => {
      const { running } = start()
      await talk(vehicle, recorder)
      elm.fail('\rELM327 v1.5')
      await assert.rejects(running, { code: 'DEVICE_LOST' })
    })
  })

  it('is lost when the plug is pulled, and reads on when it is back', async () => {
    await onAdapter({}, monitor, async ({ recorder, pty, vehicle, start, plug }) => {
      const { running } = start()
      await talk(vehicle, recorder)
      await pty.close()
      await assert.rejects(running, { code: 'DEVICE_LOST' })
      await assert.rejects(start().running, { code: 'DEVICE_MISSING' })
      plug()
      start()
      await recorder.until(() => recorder.opens === 2)
      recorder.seen.length = 0
      await talk(vehicle, recorder)
    })
  })

  for (const [what, habits] of Object.entries({
    'nothing answers': { mute: true },
    'something else answers': { name: 'GARMIN' },
    'a command is missing': { refuses: ['ATCAF0'] },
  })) {
    it(`says DEVICE_PROTOCOL where ${what}`, async () => {
      await onAdapter(habits, monitor, async ({ link, start }) => {
        await assert.rejects(start().running, (error: SensorError) => {
          assert.equal(error.code, 'DEVICE_PROTOCOL')
          assert.ok(error.message.includes(link))
          assert.ok(error.hint)
          return true
        })
      })
    })
  }

  it('ends soon when it is stopped while setting up', async () => {
    await onAdapter({ mute: true }, monitor, async ({ pty, start, recorder }) => {
      const { running, stop } = start()
      let heard = false
      pty.onData(() => {
        heard = true
      })
      await until('the first command', () => heard)
      stop()
      await running
      assert.equal(recorder.opens, 0)
    })
  })
})
