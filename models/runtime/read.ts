import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { partsOf } from '../bundle/parts.ts'
import { staysInside } from '../bundle/paths.ts'
import { ModelError } from '../errors.ts'
import type { ModelParts } from '../runtime.ts'

/** Reads the TensorFlow.js layers model of a `model.json` and the weight files beside it. */
export async function readParts(modelFile: string): Promise<ModelParts> {
  let text: string
  try {
    text = readFileSync(modelFile, 'utf8')
  } catch (cause) {
    throw new ModelError('BUNDLE_MISSING', `cannot read ${modelFile}`, {
      cause,
      hint: 'Check the path: a bundle is a folder with model.json in it.',
    })
  }
  return partsOf(text, (path) => {
    if (!staysInside(path)) {
      throw new ModelError('BUNDLE_PATH', `weight file ${path} lies outside its folder`, {
        hint: 'Do not use this model: whoever made it wanted to read other files.',
      })
    }
    return readFileSync(join(dirname(modelFile), path))
  })
}
