import { VERSION } from './status.ts'

/** This program and its version, as bundles record it. */
export const CODE_VERSION = `milepost ${VERSION}`
