/**
 * Node.js' arguments for a program in `.ts`, in a process of its own: what `test/run.mjs` has ready for
 * this run, else tsx.
 */
export const TYPESCRIPT: readonly string[] = process.env.MILEPOST_TEST_TYPESCRIPT
  ? JSON.parse(process.env.MILEPOST_TEST_TYPESCRIPT)
  : ['--import', import.meta.resolve('tsx')]
