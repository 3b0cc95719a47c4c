import { FLEET, simulator } from './plan.ts'
import type { Screen } from './screen.ts'
import { type Outfit, Vehicle } from './vehicle.ts'
import { Watch } from './watch.ts'

/** Drives of the story, in order; in the second nothing breaks. */
export type Drive = 'first' | 'quiet' | 'again'

/** All vehicles of the demo, and where their outboxes stood after each drive. */
export class Fleet {
  readonly vehicles: readonly Vehicle[]
  readonly watch: Watch
  readonly #lastSeqs = new Map<string, number[]>()
  readonly #epochs = new Map<string, string>()

  constructor(home: string, outfit: Outfit, screen: Screen, line: () => string) {
    this.vehicles = FLEET.map((plan) => new Vehicle(plan, home, outfit))
    this.watch = new Watch(this.vehicles, screen, line)
  }

  async setOut(drive: Drive): Promise<void> {
    for (const [i, vehicle] of this.vehicles.entries()) {
      vehicle.setOut(drive === 'quiet' ? simulator(21 + i) : vehicle.plan.sensor)
    }
    await Promise.all(this.vehicles.map((vehicle) => vehicle.ready()))
  }

  async park(): Promise<void> {
    await Promise.all(this.vehicles.map((vehicle) => vehicle.stop()))
    for (const vehicle of this.vehicles) {
      const { epoch, lastSeq } = vehicle.produced()
      const { name } = vehicle.plan
      this.#epochs.set(name, epoch)
      this.#lastSeqs.set(name, [...(this.#lastSeqs.get(name) ?? []), lastSeq])
    }
  }

  produced(): Map<string, { epoch: string; lastSeqs: readonly number[] }> {
    return new Map(
      [...this.#lastSeqs].map(([name, lastSeqs]) => [
        name,
        { epoch: this.#epochs.get(name) ?? '', lastSeqs },
      ]),
    )
  }

  vehicle(name: string): Vehicle {
    const found = this.vehicles.find(({ plan }) => plan.name === name)
    if (!found) throw new RangeError(`no vehicle is called ${name}`)
    return found
  }

  get names(): string[] {
    return this.vehicles.map(({ plan }) => plan.name)
  }

  kill(): void {
    for (const vehicle of this.vehicles) vehicle.kill()
  }
}
