import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { LIMITS } from './limits.ts'
import type { Refusals } from './refusals.ts'

/** Bounds connections, all together and of one caller, so that one cannot shut the others out. */
export function boundConnections(server: Server, refusals: Refusals): void {
  const open = new Map<string, number>()
  const perCaller = LIMITS.maxConnections / 2
  server.maxConnections = LIMITS.maxConnections
  server.on('drop', (about) => refusals.count('connections', about?.remoteAddress))
  server.on('connection', (socket: Socket) => {
    const caller = socket.remoteAddress ?? ''
    const own = open.get(caller) ?? 0
    if (own >= perCaller) {
      refusals.count('connections', caller)
      socket.destroy()
      return
    }
    open.set(caller, own + 1)
    socket.once('close', () => {
      const left = (open.get(caller) ?? 1) - 1
      if (left > 0) open.set(caller, left)
      else open.delete(caller)
    })
  })
}
