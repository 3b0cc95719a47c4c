import { writeDurablyLater } from '../../durable.ts'
import { onDisk } from '../disk.ts'

/** Writes a small file for its owner's eyes, whole or not at all. */
export function writeSecret(path: string, text: string, mode = 0o600): Promise<void> {
  return onDisk(`writing ${path}`, writeDurablyLater(path, text, mode))
}
