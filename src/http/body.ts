/** Bodies: read by type and size, then refused when they are deeper or stranger than any honest client sends. */
import { bodyParser } from '@koa/bodyparser';
import type { Context } from 'koa';
import { Fault } from '../core/fault.ts';

const mebibyte = 1024 * 1024;

export interface BodyOptions {
  /** Most bytes; 1 MiB when absent. */
  readonly limit?: number;
  /** Media types that are read as JSON, beyond application/json. */
  readonly jsonTypes?: readonly string[];
  /** Read `application/x-www-form-urlencoded` instead of JSON. */
  readonly form?: boolean;
}

/**
 * Reads the body of a request.
 * @returns the parsed JSON, or an object of texts for a form; undefined when there is none
 * @throws Fault body_too_large, media_type_unsupported, body_malformed
 */
export async function readBody(context: Context, options: BodyOptions = {}): Promise<unknown> {
  const limit = options.limit ?? mebibyte;
  const length = context.request.length;
  if (length !== undefined && length > limit)
    throw new Fault('body_too_large', `At most ${limit} bytes are read here.`);
  if (length === undefined && !context.get('transfer-encoding')) return undefined;
  if (length === 0) return undefined;
  const types = options.form
    ? ['application/x-www-form-urlencoded']
    : ['application/json', ...(options.jsonTypes ?? [])];
  if (!context.request.is(types)) throw new Fault('media_type_unsupported', `Send ${types.join(' or ')}.`);
  if (context.get('content-encoding') && context.get('content-encoding') !== 'identity') {
    throw new Fault('media_type_unsupported', 'Compressed bodies are not read.');
  }
  const parse = bodyParser({
    enableTypes: [options.form ? 'form' : 'json'],
    extendTypes: { json: [...types] },
    jsonLimit: limit,
    formLimit: limit,
    encoding: 'utf-8',
    jsonStrict: true,
    onError: (error) => {
      if ((error as { status?: number }).status === 413)
        throw new Fault('body_too_large', `At most ${limit} bytes are read here.`);
      throw new Fault('body_malformed', options.form ? undefined : 'The body is not valid JSON.', { cause: error });
    },
  });
  await parse(context as Parameters<typeof parse>[0], async () => {});
  const { body } = context.request as unknown as { body?: unknown };
  inspect(body, 0, '');
  return body;
}

const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Refuses what no column can hold and no client means: null bytes, lone surrogates, names that reach into prototypes,
 * and nesting deeper than 32 (checklist AZ-07, SC-06).
 * @throws Fault body_malformed with the JSON Pointer of the place
 */
export function inspect(value: unknown, depth: number, pointer: string): void {
  const refuse = (detail: string) => {
    throw new Fault('body_malformed', detail, { errors: [{ pointer: `/body${pointer.slice(0, 200)}`, detail }] });
  };
  if (typeof value === 'string') {
    if (value.includes('\u0000')) refuse('Null characters are not accepted.');
    if (!value.isWellFormed()) refuse('The text is not valid Unicode.');
    // What was not UTF-8 arrives as this sign; keeping it would keep something that nobody sent.
    if (value.includes('\ufffd')) refuse('The text is not valid UTF-8.');
    return;
  }
  if (value === null || typeof value !== 'object') return;
  if (depth >= 32) refuse('Nested deeper than 32 levels.');
  for (const [name, item] of Object.entries(value)) {
    if (forbiddenNames.has(name)) refuse(`The name ${name} is not accepted.`);
    if (name.includes('\u0000') || !name.isWellFormed()) refuse('A property name is not valid Unicode.');
    inspect(item, depth + 1, `${pointer}/${name}`);
  }
}
