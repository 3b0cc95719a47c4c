// What a program of one's own may import as `milepost/history`: the history of a fleet as a training set.
export { openBundle } from '../models/bundle/archive.ts'
export { loadTensorFlow } from '../models/runtime/tfjs.ts'
export { parseRecipe, readRecipe } from '../models/training/recipe.ts'
export { type HistoryDatasetOptions, historyDataset } from './training/dataset.ts'
