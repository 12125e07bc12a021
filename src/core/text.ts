/**
 * Texts that people will read: normalised, and refused when they could deceive a reader, break out of a line of a mail
 * or a log, or be invisible (checklist WB-13, WB-14, AL-07).
 */
import { Fault } from './fault.ts';

/**
 * Control characters, line separators, marks and overrides of direction, invisible operators, the byte order mark and tags.
 * The joiners U+200C and U+200D stay: Persian and Indic names need them.
 */
const hostile =
  /[\p{Cc}\p{Zl}\p{Zp}\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const lineBreaks = /[\t\n\r]/g;

export const isHostile = (text: string): boolean => hostile.test(text) || !text.isWellFormed();

/** Refuses a field of the body. */
export function refuseField(field: string, detail: string): never {
  throw new Fault('request_invalid', `${field} ${detail}.`, { errors: [{ pointer: `/body/${field}`, detail }] });
}

/** What a field of the body names is not there, or is another organization's: not found, as in an address (checklist MT-01). */
export function missField(field: string, detail: string): never {
  throw new Fault('not_found', `${field} ${detail}.`, { errors: [{ pointer: `/body/${field}`, detail }] });
}

export interface TextRules {
  /** Most characters (code points, as the database counts). */
  readonly max: number;
  /** Line breaks and tabs are part of it: descriptions. */
  readonly lines?: boolean;
}

/**
 * A text without space around it, in Unicode NFC.
 * @throws Fault request_invalid, naming the field
 */
function readText(field: string, text: string, { max, lines = false }: TextRules): string {
  const normal = text.normalize('NFC').trim();
  if (isHostile(lines ? normal.replace(lineBreaks, ' ') : normal)) {
    refuseField(field, 'has control or direction characters, which are not accepted');
  }
  if ([...normal].length > max) refuseField(field, `has more than ${max} characters`);
  return normal;
}

/** As `readText`, where empty means none; what was not given stays so. */
export function readOptionalText<T extends string | null | undefined>(field: string, text: T, rules: TextRules): T {
  if (typeof text !== 'string') return text;
  return (readText(field, text, rules) || null) as T;
}

/** As `readText`, where there must be something. */
export function readName(field: string, text: string, max: number): string {
  const name = readText(field, text, { max });
  if (name === '') refuseField(field, 'must not be empty');
  return name;
}

/** The form in which names are compared with reserved ones: compatibility forms and case do not make another name. */
export const foldName = (name: string): string => name.normalize('NFKC').toLowerCase().trim();

/** A name for addresses: lower-case ASCII letters, digits and hyphens, at most `max`; empty when nothing is left. */
export function slugOf(name: string, max: number): string {
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/æ/g, 'ae')
    .replace(/ø/g, 'o');
  return ascii
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, max)
    .replace(/-+$/, '');
}
