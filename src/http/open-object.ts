/** Objects that hold whatever their caller keeps, as a body may have them. */
import { Type } from 'typebox';

/** Characters as JSON: lists of 200 and the audit log show such an object whole, twice where it changed. */
export const maxCharacters = 32_768;

/** `x-most-characters` is a keyword of ours (validate.ts). */
export const openObject = (description?: string) =>
  Type.Object(
    {},
    {
      additionalProperties: true,
      'x-most-characters': maxCharacters,
      description: `${description ?? 'Whatever the caller keeps.'} At most ${maxCharacters} characters as JSON.`,
    },
  );
