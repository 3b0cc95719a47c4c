import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { freePort } from '../../../deploy/central/ports.ts'

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range'

test('a port that is free now is not given to an outgoing connection before it is listened on', async (t) => {
  if (!existsSync(RANGE)) {
    t.diagnostic('1 case not tried: the kernel’s range is read from /proc, which is Linux’s')
    return
  }
  const [from, to] = readFileSync(RANGE, 'utf8').trim().split(/\s+/).map(Number)
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()))
  assert.deepEqual(
    ports.filter((port) => port >= from && port <= to),
    [],
  )
})
