/** Validation: TypeBox shapes compiled by ajv. Bodies strictly, queries with coercion, replies stripped to what is named. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormatsModule from 'ajv-formats';
import type { TSchema } from 'typebox';
import type { FieldError } from '../core/fault.ts';
import { isId } from '../core/id.ts';
import { maxCharacters } from './open-object.ts';

// ajv-formats is CommonJS whose types and value disagree under nodenext.
const addFormats = addFormatsModule as unknown as (ajv: Ajv) => void;

const build = (options: ConstructorParameters<typeof Ajv>[0]): Ajv => {
  // Verbose: an error knows its schema, which says in words what a pattern means.
  const ajv = new Ajv({ strict: false, allErrors: false, verbose: true, ...options });
  addFormats(ajv);
  ajv.addKeyword({
    keyword: 'x-most-characters',
    type: 'object',
    schemaType: 'number',
    errors: false,
    validate: (most: number, value: object) => JSON.stringify(value).length <= most,
  });
  // The format of ajv-formats also lets `urn:uuid:…` through, which no uuid column reads.
  ajv.addFormat('uuid', { type: 'string', validate: isId });
  return ajv;
};

const engines = {
  /** Request bodies: unknown properties are refused (mass assignment), nothing is coerced. */
  body: build({ useDefaults: true }),
  /** Query and path: texts become numbers and booleans. */
  text: build({ useDefaults: true, coerceTypes: true }),
  /** Replies lose what the schema does not name, so a secret cannot leak by spread; objects that say they are open stay whole. */
  reply: build({ removeAdditional: true }),
};

export type Part = 'body' | 'text' | 'reply';

/** The same, that go on after the first problem. Only for small values: on a hostile one that is work for nothing. */
const thorough = {
  body: build({ useDefaults: true, allErrors: true }),
  text: build({ useDefaults: true, coerceTypes: true, allErrors: true }),
};
const thoroughly = new WeakMap<TSchema, ValidateFunction>();

/** Most problems that one answer names. */
const maxProblems = 20;

/** A copy without TypeBox's own marks: `$id` would clash in ajv, and names belong to the OpenAPI page only. */
const plain = (schema: TSchema): Record<string, unknown> =>
  JSON.parse(JSON.stringify(schema, (key, value) => (key === '$id' ? undefined : value)));

/** Objects that do not say otherwise accept no unknown property, at any depth. */
function closeObjects(node: unknown): void {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const item of node) closeObjects(item);
    return;
  }
  const schema = node as Record<string, unknown>;
  if (
    schema.type === 'object' &&
    schema.properties &&
    schema.additionalProperties === undefined &&
    !schema.patternProperties
  ) {
    schema.additionalProperties = false;
  }
  for (const value of Object.values(schema)) closeObjects(value);
}

const closed = (schema: TSchema): Record<string, unknown> => {
  const copy = plain(schema);
  closeObjects(copy);
  return copy;
};

/** Compiles a shape for its part of a route. */
export const compile = (part: Part, schema: TSchema): ValidateFunction => engines[part].compile(closed(schema));

/** Every problem of a small value that its shape refused, so that a caller mends them in one go; one for each field. */
export function everyProblem(where: 'params' | 'query' | 'body', schema: TSchema, value: unknown): FieldError[] {
  let validate = thoroughly.get(schema);
  if (!validate) {
    validate = thorough[where === 'body' ? 'body' : 'text'].compile(closed(schema));
    thoroughly.set(schema, validate);
  }
  validate(value);
  const found = new Map<string, FieldError>();
  for (const error of fieldErrors(where, validate.errors)) {
    if (found.size < maxProblems && !found.has(error.pointer)) found.set(error.pointer, error);
  }
  return [...found.values()];
}

/** ajv's errors as fields that a caller can find: a JSON Pointer below `/<where>` and what is expected. */
export function fieldErrors(where: string, errors: readonly ErrorObject[] | null | undefined): FieldError[] {
  return (errors ?? []).map((error) => {
    const missing = error.keyword === 'required' ? `/${error.params.missingProperty}` : '';
    const extra = error.keyword === 'additionalProperties' ? `/${error.params.additionalProperty}` : '';
    return { pointer: `/${where}${error.instancePath}${missing}${extra}`, detail: sentence(where, error) };
  });
}

const formats: Readonly<Record<string, string>> = {
  uuid: 'UUID',
  'date-time': 'date and time such as 2026-01-31T12:00:00Z',
};

function sentence(where: string, error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return where === 'query' ? 'is not a parameter of this address' : 'is not a property that can be set here';
    case 'format':
      return `must be a ${formats[error.params.format as string] ?? error.params.format}`;
    case 'enum':
      return `must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`;
    case 'x-most-characters':
      return `must have at most ${maxCharacters} characters as JSON`;
    case 'const':
      return `must be ${JSON.stringify(error.params.allowedValue)}`;
    case 'type':
      return `must be ${[error.params.type as string | string[]].flat().join(' or ')}`;
    case 'minLength':
      return error.params.limit === 1 ? 'must not be empty' : `must have at least ${error.params.limit} characters`;
    case 'maxLength':
      return `must have at most ${error.params.limit} characters`;
    case 'minItems':
      return error.params.limit === 1 ? 'must not be empty' : `must have at least ${error.params.limit} items`;
    case 'maxItems':
      return `must have at most ${error.params.limit} items`;
    case 'pattern':
      // A regular expression is no sentence: each schema with one says `x-says` (test/rules/routes.test.ts).
      return String(error.parentSchema?.['x-says'] ?? 'does not have the expected form');
    default:
      return error.message ?? 'is not valid';
  }
}
