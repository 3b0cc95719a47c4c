import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Central, startCentral } from '../../deploy/central/central.ts'
import { freePort } from '../../deploy/central/ports.ts'
import type { Link } from './link.ts'
import type { Screen } from './screen.ts'

/** Of a broker that vehicles reach at `roadPort`, and only through the road: that is where it sends them. */
export function roadProperties(roadPort: number, road: Link): string {
  return [
    `listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},ROAD://127.0.0.1:${roadPort},CONTROLLER://127.0.0.1:\${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},ROAD://127.0.0.1:${road.port}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,ROAD:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name=PLAINTEXT',
  ].join('\n')
}

/** Starts central with a listener for vehicles that is advertised as the link's end. */
export async function startWithRoad(home: string, road: Link, screen: Screen): Promise<Central> {
  const dataDir = join(home, 'central')
  await mkdir(dataDir)
  const kafkaPort = await freePort()
  const roadPort = await freePort()
  const central = await startCentral({
    dataDir,
    kafkaPort,
    tier: 's3',
    progress: (message) => screen.show([message]),
    extraProperties: roadProperties(roadPort, road),
  })
  road.pointAt('127.0.0.1', roadPort)
  await road.restore()
  return central
}
