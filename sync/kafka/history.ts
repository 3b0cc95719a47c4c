/** Reading history back: what other rooms import. */
export { HistoryBatch, type HistoryHeaders, HistoryRecord } from './history/batch.ts'
export { type HistoryOptions, type HistoryProgress, readHistory } from './history/history.ts'
export {
  type Held,
  type HistoryFrom,
  type HistoryRange,
  type HistoryTo,
  heldOf,
  isByTime,
} from './history/range.ts'
