import type { BenchRow } from './bench.ts'

/** Every bench by its name: `npm run bench -- NAME`. */
export const BENCHES: Readonly<Record<string, () => Promise<{ bench(): Promise<BenchRow[]> }>>> = {
  decode: () => import('./decode.ts'),
  condition: () => import('./condition.ts'),
  buses: () => import('./buses.ts'),
  buffer: () => import('./buffer.ts'),
  infer: () => import('./infer.ts'),
  train: () => import('./train.ts'),
  faults: () => import('./faults.ts'),
  'car-sensor': () => import('./car-sensor.ts'),
  uplink: () => import('./uplink.ts'),
  page: () => import('./page.ts'),
  relay: () => import('./relay.ts'),
  footprint: () => import('./footprint.ts'),
  latency: () => import('./latency.ts'),
  backlog: () => import('./backlog.ts'),
}

/** Those that take minutes and many connections run only when they are named. */
export const ON_REQUEST: ReadonlySet<string> = new Set([
  ...['backlog', 'car-sensor', 'faults', 'footprint', 'page', 'relay', 'train'],
])
