import { z } from 'zod'

/** A secret is never in the config itself: it stands in a file, or in the environment. */
export const secretSource = z.union([
  z.strictObject({ file: z.string() }),
  z.strictObject({ env: z.string() }),
])

/** Files for TLS to a broker, in PEM. */
export const tlsFiles = z.strictObject({
  /** Authority that signed the broker's certificate; left out: those of the system. */
  ca: z.string().optional(),
  /** Our own certificate and key, where the broker asks for them. */
  cert: z.string().optional(),
  key: z.string().optional(),
})
