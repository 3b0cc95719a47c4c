/** What the process of simulated vehicles is told to do. */
export interface FleetLoad {
  /** Of the broker, on this machine. */
  readonly port: number
  readonly vehicles: number
  /** Sockets that carry them, each as many as the others. */
  readonly connections: number
  /** Of each vehicle, evenly over the time. */
  readonly records: number
  /** Of all vehicles together. */
  readonly recordsPerSec: number
  /** Begins the names of the vehicles and is their epoch: letters and digits. */
  readonly run: string
  /** `relay`: what counts is what the relay tells. `broker`: what the broker acknowledges. */
  readonly confirmedBy: 'relay' | 'broker'
}

/** How far the vehicles are; totals since the start. */
export interface ClientsStatus {
  /** Records that came into being, by their pace. */
  readonly produced: number
  /** Messages written, those sent again included. */
  readonly sent: number
  readonly confirmed: number
  /** Vehicles that had to go back, because records were lost on the way or nothing was told. */
  readonly wentBack: number
  /** From the writing of a record until it is confirmed, milliseconds; of the last few thousand. */
  readonly confirmP50Ms: number
  readonly confirmP99Ms: number
  /** Of the process. */
  readonly cpuSec: number
  readonly done: boolean
}

const DIGITS = 6
export const MAX_VEHICLES = 10 ** DIGITS

/** Names of one length, so that one packet with other digits is another vehicle's. */
export const vehicleOf = (run: string, vehicle: number): string =>
  `${run}-${String(vehicle).padStart(DIGITS, '0')}`

/** The number of a vehicle, from its name's end. */
export const numberOf = (name: string): number => Number(name.slice(-DIGITS))

/** Vehicles carried by one connection are neighbours. */
export const connectionOf = (vehicle: number, { vehicles, connections }: FleetLoad): number =>
  Math.floor((vehicle * connections) / vehicles)
