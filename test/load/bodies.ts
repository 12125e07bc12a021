/** The worst of what can be sent: built as text, because much of it could not be built otherwise. */
import { Buffer } from 'node:buffer';

const mebibyte = 1024 * 1024;

/** `text` over and over, at most so many bytes of it (ASCII). */
export const fill = (text: string, bytes: number): string => text.repeat(Math.floor(bytes / text.length));

export const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
export const deepObject = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** Values for one property, each as large as one body may be. */
export const largeValues = (bytes = mebibyte - 2048): Record<string, string> => ({
  'half a million numbers': `[${fill('0,', bytes)}0]`,
  'a hundred thousand names': `{${Array.from({ length: Math.floor(bytes / 11) }, (_, i) => `"n${String(i).padStart(6, '0')}":1`).join(',')}}`,
  'a hundred thousand empty objects': `[${fill('{},', bytes)}{}]`,
  'lists 31 deep, many of them': `[${fill(`${deep(28)},`, bytes)}1]`,
  'one long text': JSON.stringify(fill('a', bytes)),
  'one long text of spaces': JSON.stringify(fill(' ', bytes)),
  'one long text of dots': JSON.stringify(fill('.', bytes)),
  'one long text of signs that NFKC makes longer': `"${fill('\\ufdfa', bytes)}"`,
  'nested 100,000 deep': deep(100_000),
  'objects nested 100,000 deep': deepObject(100_000),
});

export const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** A compact JWS or JWE whose parts are nobody's. */
export const compact = (header: object, ...parts: string[]): string =>
  [base64url(JSON.stringify(header)), ...parts].join('.');
