// A relay as a process of its own, to be killed: says that it runs once the broker has it.
import { setTimeout as sleep } from 'node:timers/promises'
import { Relay, type RelayConfig } from '../../../sync/relay/relay.ts'

const relay = Relay.start(JSON.parse(process.argv[2]) as RelayConfig)
while (relay.status().state !== 'live') await sleep(10)
console.log('live')
