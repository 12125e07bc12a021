/** samlify, loaded when the first message or metadata is built: many deployments never build one, and it costs each start. */
import { createRequire } from 'node:module';
import type * as library from 'samlify';

type Samlify = typeof library;

let loaded: Samlify | undefined;

export function samlify(): Samlify {
  loaded ??= createRequire(import.meta.url)('samlify') as Samlify;
  return loaded;
}
