/**
 * The offline blocklist (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.4, 6.2.11, 6.2.12; checklist AU-03).
 *
 * `blocklist.txt` was written for this product: entries that are common by general knowledge (passwords, first
 * names, teams, keyboard walks, famous phrases), not taken from a published or breached list. It is small (its length is
 * asserted by a test), so a password is also read as the pieces that guessing programs try first: an entry, a word of the
 * context, a walk over the keyboard or the alphabet, a repetition, a year. What consists of three pieces or fewer is as
 * guessable as the list itself, however long it is. This is no rule about kinds of characters: any other text passes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const entries: ReadonlySet<string> = new Set(
  readFileSync(join(import.meta.dirname, 'blocklist.txt'), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#')),
);

export const commonPasswordCount = entries.size;

const longestEntry = Math.max(...[...entries].map((entry) => entry.length));

/** The fewest pieces that a password must be read as. */
const enoughPieces = 4;

/** Rows of the keyboards in use, the digits and the alphabet: a walk along one of them is one piece. */
const walks = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiopü',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
  'qweasdzxc',
  '147258369',
  '!@#$%^&*()',
  '!"§$%&/()=',
];
const steps = new Set<string>();
for (const walk of walks) {
  for (const direction of [walk, [...walk].reverse().join('')]) {
    for (let index = 0; index + 1 < direction.length; index += 1) steps.add(direction.slice(index, index + 2));
  }
}

const stands: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '8': 'b',
  '3': 'e',
  '6': 'g',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
  '+': 't',
  '2': 'z',
};

/** Characters that stand for letters, one for one, so that both readings of a text have the same places. */
const plainly = (text: string): string => text.replace(/[@48360!$57+12]/g, (sign) => stands[sign] ?? sign);

/** Whether a password is so common that it is among the first that are tried. `context`: names that the attacker knows. */
export function isCommon(password: string, context: readonly string[] = []): boolean {
  const folded = password.normalize('NFKC').toLowerCase();
  // Without separators, and without the sign or two that are hung on either end.
  const bare = folded.replace(/[\s_.-]+/g, '').replace(/^[^\p{L}\p{N}]{1,2}|[^\p{L}\p{N}]{1,2}$/gu, '');
  const known = contextWords(context);
  // The beginning decides: what has enough pieces there has enough of them, and the work stays bounded.
  return [...new Set([folded, bare])].some((text) => pieces(repeated(text).slice(0, 200), known) < enoughPieces);
}

/** Words of at least four letters out of names, addresses and the product's own name. */
function contextWords(context: readonly string[]): ReadonlySet<string> {
  const words = ['lintel', ...context]
    .flatMap((name) => name.normalize('NFKC').toLowerCase().split('@'))
    .flatMap((part) => [part.replace(/[^\p{L}\p{N}]+/gu, ''), ...part.split(/[^\p{L}\p{N}]+/u)])
    .filter((word) => word.length >= 4);
  return new Set(words);
}

/** The unit of a text that repeats one (`abcabcabc` → `abc`), or the text. */
function repeated(text: string): string {
  if (text === '') return text;
  const period = `${text}${text}`.indexOf(text, 1);
  return period < text.length ? text.slice(0, period) : text;
}

/** The fewest pieces that a text can be read as; a character that belongs to nothing is a piece of its own. */
function pieces(text: string, known: ReadonlySet<string>): number {
  const plain = plainly(text);
  const longest = Math.max(longestEntry, ...[...known].map((word) => word.length));
  const fewest = new Array<number>(text.length + 1).fill(Number.POSITIVE_INFINITY);
  fewest[0] = 0;
  for (let from = 0; from < text.length; from += 1) {
    const count = (fewest[from] as number) + 1;
    const reach = (to: number) => {
      if (to <= text.length && count < (fewest[to] as number)) fewest[to] = count;
    };
    reach(from + 1);
    for (let to = from + 3; to <= Math.min(text.length, from + longest); to += 1) {
      const readings = [text.slice(from, to), plain.slice(from, to)];
      if (!readings.some((piece) => entries.has(piece) || known.has(piece))) continue;
      // A word and the number that is hung on it are one piece: `summer2025`.
      reach(to);
      for (let end = to; end < to + 4 && /\d/.test(text[end] ?? ''); end += 1) reach(end + 1);
    }
    for (let to = walkFrom(text, from); to >= from + 3; to -= 1) reach(to);
    if (/^(19|20)\d\d/.test(text.slice(from, from + 4))) reach(from + 4);
  }
  return fewest[text.length] as number;
}

/** Where a walk or a run of one character that begins here ends. */
function walkFrom(text: string, from: number): number {
  let to = from + 1;
  const goesOn = () => {
    const step = text.slice(to - 1, to + 1);
    return step.length === 2 && (step[0] === step[1] || steps.has(step));
  };
  while (to < text.length && goesOn()) to += 1;
  return to;
}
