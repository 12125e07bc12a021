/** Bodies: read by type and size, then refused when they are deeper or stranger than any honest client sends. */
import type { IncomingMessage } from 'node:http';
import { bodyParser } from '@koa/bodyparser';
import type { Context } from 'koa';
import { type Actor, anonymous } from '../core/call.ts';
import { Fault } from '../core/fault.ts';
import { reachesPrototype } from '../core/property-name.ts';
import { nextTurn } from '../core/turn.ts';
import { LargeBodies, shareOf } from './large.ts';

const mebibyte = 1024 * 1024;

export interface BodyOptions {
  /** Most bytes; 1 MiB when absent. */
  readonly limit?: number;
  /** Media types that are read as JSON, beyond application/json. */
  readonly jsonTypes?: readonly string[];
  /** Read `application/x-www-form-urlencoded` instead of JSON. */
  readonly form?: boolean;
  /** Who asks: large bodies take of the share of their organization. Nobody when absent. */
  readonly actor?: Actor;
}

/**
 * Reads the body of a request.
 * @returns the parsed JSON, or an object of texts for a form; undefined when there is none
 * @throws Fault body_too_large, media_type_unsupported, body_malformed, busy
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
  const body = options.form
    ? await readForm(context, limit)
    : await readJson(context, limit, options.actor ?? anonymous);
  inspect(body);
  return body;
}

async function readForm(context: Context, limit: number): Promise<unknown> {
  const parse = bodyParser({
    enableTypes: ['form'],
    formLimit: limit,
    encoding: 'utf-8',
    onError: (error) => {
      if ((error as { status?: number }).status === 413) throw tooManyBytes(limit);
      throw new Fault('body_malformed', undefined, { cause: error });
    },
  });
  await parse(context as Parameters<typeof parse>[0], async () => {});
  return (context.request as unknown as { body?: unknown }).body;
}

/** The bytes of all requests of this process that are worked on. */
const largeBodies = new LargeBodies();

async function readJson(context: Context, limit: number, actor: Actor): Promise<unknown> {
  const bytes = await readBytes(context.req, limit);
  if (bytes.length > largeCharacters) await takeRoom(context, bytes.length, shareOf(actor));
  const text = utf8.decode(bytes);
  if (text.trim() === '') return undefined;
  if (!/^\s*[[{]/.test(text)) throw new Fault('body_malformed', 'The body must be a JSON object.');
  measure(text);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new Fault('body_malformed', 'The body is not valid JSON.', { cause });
  }
  // To read a large body is work enough for one turn; to check it is another.
  if (text.length > largeCharacters) await nextTurn();
  return body;
}

/** Until the answer has left, a large body has its share of what all of them may take (RE-13). */
async function takeRoom({ res }: Context, bytes: number, holder: string): Promise<void> {
  const give = await largeBodies.take(bytes, holder);
  if (!res.closed) return void res.once('close', give);
  give();
  throw incomplete();
}

async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) return void chunks.push(chunk);
      // What still comes is not for us; the server sees to the connection.
      request.off('data', take).pause();
      reject(tooManyBytes(limit));
    };
    const lost = (cause?: Error) => reject(incomplete(cause));
    // Who left before anybody listened, while it was looked up who asks: a stream that is closed says so only once.
    if (request.destroyed) return lost();
    request.on('data', take).once('end', resolve).once('error', lost).once('close', lost);
  });
  return Buffer.concat(chunks);
}

const incomplete = (cause?: Error) => new Fault('body_malformed', 'The body did not arrive whole.', { cause });

/** Bytes that are no UTF-8 become U+FFFD, which `inspect` refuses. */
const utf8 = new TextDecoder('utf-8');

const tooManyBytes = (limit: number) => new Fault('body_too_large', `At most ${limit} bytes are read here.`);

/** Names and values of one body. The largest honest one is a group of 20,000 members: two for each. */
export const maxValues = 65_536;
const maxDepth = 32;
/** From so many characters on a body is read in several turns of the event loop. */
const largeCharacters = 65_536;

/**
 * Counts what JSON text holds before it is parsed: a mebibyte of brackets would be half a million objects, and they would hold the
 * event loop for a tenth of a second. One pass, no allocation; text within quotes does not count.
 * @throws Fault body_too_large, body_malformed (depth)
 */
export function measure(text: string): void {
  let values = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfText(text, at);
      continue;
    }
    if (code === 0x2c) values += 1;
    else if (code === 0x5b || code === 0x7b) {
      values += 1;
      depth += 1;
      if (depth > maxDepth) throw new Fault('body_malformed', `Nested deeper than ${maxDepth} levels.`);
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
    if (values > maxValues) throw new Fault('body_too_large', `At most ${maxValues} values are read of one body.`);
  }
}

/** Where the text ends whose opening quote is at `from`; the end of everything when it is not closed. */
function endOfText(text: string, from: number): number {
  for (let quote = text.indexOf('"', from + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === 0x5c) before -= 1;
    if ((quote - before) % 2 === 1) return quote;
  }
  return text.length;
}

/**
 * Refuses what no column can hold and no client means: null bytes, lone surrogates, names that reach into prototypes,
 * and nesting deeper than 32 (checklist AZ-07, SC-06).
 * @throws Fault body_malformed with the JSON Pointer of the place
 */
export function inspect(value: unknown): void {
  inspectAt(value, []);
}

/** @param place the names that lead here: one list for the whole walk, because a text for each value would cost more than the walk */
function inspectAt(value: unknown, place: (string | number)[]): void {
  if (typeof value === 'string') {
    if (value.includes('\u0000')) refuse(place, 'Null characters are not accepted.');
    if (!value.isWellFormed()) refuse(place, 'The text is not valid Unicode.');
    // What was not UTF-8 arrives as this sign; keeping it would keep something that nobody sent.
    if (value.includes('\ufffd')) refuse(place, 'The text is not valid UTF-8.');
    return;
  }
  if (value === null || typeof value !== 'object') return;
  if (place.length >= maxDepth) refuse(place, `Nested deeper than ${maxDepth} levels.`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      place.push(index);
      inspectAt(value[index], place);
      place.pop();
    }
    return;
  }
  for (const name of Object.keys(value)) {
    if (reachesPrototype(name)) refuse(place, `The name ${name} is not accepted.`);
    if (name.includes('\u0000') || !name.isWellFormed()) refuse(place, 'A property name is not valid Unicode.');
    place.push(name);
    inspectAt((value as Record<string, unknown>)[name], place);
    place.pop();
  }
}

function refuse(place: readonly (string | number)[], detail: string): never {
  const pointer = place.map((name) => `/${name}`).join('');
  throw new Fault('body_malformed', detail, { errors: [{ pointer: `/body${pointer.slice(0, 200)}`, detail }] });
}
