/** What the clients' process is told to do. */
export interface Load {
  readonly port: number
  readonly clients: number
  /** Of each client. */
  readonly records: number
  /** Of all clients together. */
  readonly recordsPerSec: number
  /** Begins the names of the vehicles and is their epoch. */
  readonly run: string
  /** `relay`: what counts is what the relay confirms. `broker`: what the broker acknowledges. */
  readonly confirmedBy: 'relay' | 'broker'
}

export const vehicleOf = (run: string, client: number): string => `${run}-${client}`
