/** Reading history back: what other rooms import. */
export { HistoryBatch, type HistoryHeaders, HistoryRecord } from './history/batch.ts'
export { type HistoryOptions, type HistoryProgress, readHistory } from './history/history.ts'
export type { HistoryFrom, HistoryRange, HistoryTo } from './history/range.ts'
