import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadBundle } from '../../../models/bundle/load.ts'
import { type Answer, TestWeb } from '../../models/release/web.ts'
import { until } from '../../support/until.ts'
import { FACTORY, Fleet, TestVehicle, type VehicleOptions } from './fleet.ts'

const factory = loadBundle(FACTORY).hash
const RELEASE = 'bundle/simulator/1.tar'

const isRelease = (url: string | undefined) => url!.includes('targets/')

/** The first half of a file, of which the head said that all of it comes. */
function half(response: Parameters<Answer>[1], file: Buffer): void {
  response.writeHead(200, { 'content-length': file.length })
  response.write(file.subarray(0, file.length >> 1))
}

/** A release on a web server that lies, and a vehicle that fetches from it. */
async function served(t: TestContext, options: VehicleOptions = {}) {
  const fleet = await Fleet.make(t)
  const good = fleet.variant('good')
  await fleet.release('1', good.dir)
  const web = await new TestWeb(fleet.folder).start(t)
  const vehicle = new TestVehicle(t, fleet, {
    ...options,
    updates: { from: web.url, stallSec: 1, ...options.updates },
  })
  /** Looks in vain, with this code, while what runs goes on. */
  const fails = async (what: string, code: string) => {
    const { inferences } = vehicle.running
    const look = await vehicle.look()
    assert.equal(look.error?.code, code, `${what}: ${look.error?.message}`)
    const failed = vehicle.status().steps.findLast(({ phase }) => phase === 'failed')
    assert.deepEqual([failed?.release, failed?.code], [RELEASE, code], what)
    assert.equal(vehicle.running.hash, factory, what)
    await until(`inferences after: ${what}`, () => vehicle.running.inferences > inferences)
  }
  return { web, vehicle, good, fails }
}

test('a server that stalls, cuts and lies about ranges in one download: taken up each time, and verified', async (t) => {
  const { web, vehicle, good } = await served(t)
  const asked: (string | undefined)[] = []
  const lies: Answer[] = [
    (_, response, file) => {
      half(response, file!)
      return true
    },
    (_, response, file) => {
      half(response, file!)
      setImmediate(() => response.destroy())
      return true
    },
    (_, response, file) => {
      const range = `bytes 7-${file!.length - 1}/${file!.length}`
      response.writeHead(206, { 'content-range': range }).end(file!.subarray(7))
      return true
    },
  ]
  web.answer = (request, response, file) => {
    if (!isRelease(request.url)) return false
    asked.push(request.headers.range)
    return lies.shift()?.(request, response, file) ?? false
  }
  await vehicle.start()
  await until('the lies', () => lies.length === 0)
  assert.equal(vehicle.running.hash, factory, 'what runs goes on')
  await vehicle.step('good', RELEASE)
  assert.equal(vehicle.running.hash, good.hash)
  assert.equal(asked[0], undefined)
  assert.match(asked[1] ?? '', /^bytes=[1-9]/, 'taken up after the stall')
  assert.ok(asked.length > 3, `${asked}`)
})

test('a disk that is full in mid-download: told, what runs goes on, and with room it is taken up', async (t) => {
  const { vehicle, good, fails } = await served(t)
  const disk = join(vehicle.dataDir, 'releases')
  mkdirSync(disk)
  try {
    const options = ['-t', 'tmpfs', '-o', 'size=80m', 'milepost-test', disk]
    execFileSync('mount', options, { stdio: 'ignore' })
  } catch {
    t.diagnostic('1 case not tried: may not mount a tmpfs')
    return
  }
  try {
    // Metadata finds room, a release beside the reserve does not.
    const hog = join(disk, 'hog')
    writeFileSync(hog, Buffer.alloc(76 << 20))
    await vehicle.start()
    await until('the look at the start', () => vehicle.status().lastLook?.endedUs !== undefined)
    await fails('a full disk', 'RELEASE_DISK_FULL')
    rmSync(hog)
    await vehicle.look()
    await vehicle.step('good', RELEASE)
    assert.equal(vehicle.running.hash, good.hash)
  } finally {
    await vehicle.stop()
    execFileSync('umount', ['-l', disk])
  }
})
