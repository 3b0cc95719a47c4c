import { type Central, startCentral } from '../../deploy/central/central.ts'
import { freePort } from '../../deploy/central/ports.ts'
import { LANES } from '../../sync/record.ts'
import { Road } from './kills-road.ts'

/** A central that agents reach by a link that can be cut, and that can be stopped and killed. */
export class CentralByRoad {
  readonly road: Road
  readonly #start: () => Promise<Central>
  #central: Central | undefined

  static async start(dataDir: string): Promise<CentralByRoad> {
    const road = await Road.reserve()
    const [kafkaPort, roadPort] = [await freePort(), await freePort()]
    // Vehicles are told the link's end, also by the broker itself.
    const extraProperties = [
      `listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},ROAD://127.0.0.1:${roadPort},CONTROLLER://127.0.0.1:\${controllerPort}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},ROAD://127.0.0.1:${road.link.port}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,ROAD:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name=PLAINTEXT',
    ].join('\n')
    const start = () => startCentral({ dataDir, kafkaPort, tier: 'local', extraProperties })
    const central = new CentralByRoad(road, start)
    await central.restart()
    road.link.pointAt('127.0.0.1', roadPort)
    await road.link.restore()
    await central.#central!.createTopics([
      ...LANES.map((lane) => ({ topic: `milepost.${lane}`, partitions: 3, config: {} })),
      { topic: 'milepost.checkpoints', partitions: LANES.length, config: {} },
    ])
    return central
  }

  private constructor(road: Road, start: () => Promise<Central>) {
    this.road = road
    this.#start = start
  }

  /** For who reads the account: not by the link. */
  get bootstrap(): string {
    return this.#central!.bootstrap
  }

  /** Where vehicles find it. */
  get broker(): string {
    return `127.0.0.1:${this.road.link.port}`
  }

  /** Brings the broker down, as a machine that is shut down or one whose power goes. */
  async down(how: 'stop' | 'kill'): Promise<void> {
    await (how === 'stop' ? this.#central!.stop() : this.#central!.kill())
  }

  async restart(): Promise<void> {
    this.#central = await this.#start()
  }

  async stop(): Promise<void> {
    await this.road.link.cut()
    await this.#central?.stop()
  }
}
