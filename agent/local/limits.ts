/** Bounds of what the agent remembers on its own disk, for a technician without a network. */

/** A file of events; the oldest file goes when there are more than `EVENT_FILES` of them. */
export const EVENT_FILE_BYTES = 1 << 20
export const EVENT_FILES = 8
/** Events that wait to be written; what comes beyond is counted and not shown offline. */
export const EVENT_QUEUE_BYTES = 4 << 20
/** An event is on the disk after this; the outbox has it sooner, this is only a copy to look at. */
export const EVENT_FLUSH_MS = 3_000
