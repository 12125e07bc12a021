/** Forms that identity providers post: a few known fields, each once. */
import type { Context } from 'koa';
import { Fault } from '../core/fault.ts';
import { readBody } from '../http/body.ts';

/** 256 KiB of XML in base64 with its line breaks, percent-encoded; the message itself is measured again when it is decoded. */
const formLimit = 512 * 1024;

const names = ['SAMLResponse', 'SAMLRequest', 'RelayState'] as const;
export type SamlForm = { readonly [name in (typeof names)[number]]?: string };

/** @throws Fault request_invalid for a field that comes twice or nested, body_too_large, body_malformed, media_type_unsupported */
export async function readForm(context: Context): Promise<SamlForm> {
  const body = ((await readBody(context, { form: true, limit: formLimit })) ?? {}) as Record<string, unknown>;
  const form: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined;
    if (value === undefined) continue;
    if (typeof value !== 'string') throw new Fault('request_invalid', `${name} must come once.`);
    form[name] = value;
  }
  return form;
}
