import { z } from 'zod'
import { lazy } from '../../sensors/lazy.ts'

const cron = lazy<typeof import('node-cron')>('node-cron')

/** When something happens, as node-cron understands it: five fields, or six with seconds first. */
export const cronExpression = z
  .string()
  .refine((text) => cron().validate(text), 'expected a cron expression')
