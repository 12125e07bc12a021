/**
 * The filter language of RFC 7644 §3.4.2.2 and the PATCH path of §3.5.2, read in one pass without backtracking.
 * The grammar, from loosest to tightest: or, and, not / parentheses / value path / comparison. Caps keep a hostile filter
 * linear and small (SC-07). Names are resolved later, against the registry of the client that asks.
 */
import { invalidFilter, invalidPath } from './errors.ts';

/** The longest that a vendor is known to send has 150 bytes and no parentheses. */
export const maxFilterBytes = 2048;
const maxFilterDepth = 10;
const maxFilterTerms = 64;

export type CompareOp = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';
export type Literal = string | number | boolean | null;

/** `emails`, `name.familyName`, `urn:…:User:manager.value`, and `emails[type eq "work"].value` when `filter` is there. */
export interface AttributePath {
  attribute: string;
  filter?: FilterNode;
  sub?: string;
}

export type FilterNode =
  | { kind: 'and'; nodes: FilterNode[] }
  | { kind: 'or'; nodes: FilterNode[] }
  | { kind: 'not'; node: FilterNode }
  | { kind: 'compare'; path: AttributePath; op: CompareOp; value: Literal }
  | { kind: 'present'; path: AttributePath }
  | { kind: 'has'; path: AttributePath & { filter: FilterNode } };

const COMPARISONS = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le']);
const WORD = /[A-Za-z0-9_.:$/%-]/;
const NUMBER = /^-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?$/;
const NAME = /^(?:urn:.+|[A-Za-z$][\w$-]*(?:\.[A-Za-z$][\w$-]*)?)$/i;
const SUB_NAME = /^[A-Za-z$][\w$-]*$/;
const STRING_ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * @throws ScimFault 400 invalidFilter with the position (in characters, from 1) and the reason
 */
export function parseFilter(text: string): FilterNode {
  const reader = new Reader(text);
  const node = reader.readOr(0);
  reader.expectEnd();
  return node;
}

/**
 * The `path` of a PATCH operation.
 * @throws ScimFault 400 invalidPath, or invalidFilter when the fault lies between the brackets
 */
export function parsePath(text: string): AttributePath {
  const reader = new Reader(text, invalidPath);
  const path = reader.readPath(0);
  reader.expectEnd();
  return path;
}

class Reader {
  private readonly text: string;
  private readonly fault: (detail: string) => Error;
  private at = 0;
  private terms = 0;
  private inBrackets = 0;

  constructor(text: string, fault = invalidFilter) {
    this.text = text;
    this.fault = fault;
    if (Buffer.byteLength(text) > maxFilterBytes) this.fail(`longer than ${maxFilterBytes} bytes`, 0);
  }

  readOr(depth: number): FilterNode {
    return this.readChain('or', depth, () => this.readAnd(depth));
  }

  private readAnd(depth: number): FilterNode {
    return this.readChain('and', depth, () => this.readFactor(depth));
  }

  private readChain(word: 'and' | 'or', depth: number, readNext: () => FilterNode): FilterNode {
    if (depth > maxFilterDepth) this.fail(`nested deeper than ${maxFilterDepth} levels`);
    const first = readNext();
    const nodes = [first];
    while (this.takeWord(word)) nodes.push(readNext());
    return nodes.length === 1 ? first : { kind: word, nodes };
  }

  private readFactor(depth: number): FilterNode {
    this.skipSpace();
    if (this.take('(')) return this.readGroup(depth);
    const start = this.at;
    if (this.takeWord('not')) {
      this.skipSpace();
      if (this.take('(')) return { kind: 'not', node: this.readGroup(depth) };
      this.at = start; // an attribute may be called "not"
    }
    return this.readTerm(depth);
  }

  private readGroup(depth: number): FilterNode {
    const node = this.readOr(depth + 1);
    this.skipSpace();
    if (!this.take(')')) this.fail('expected ")"');
    return node;
  }

  private readTerm(depth: number): FilterNode {
    if (++this.terms > maxFilterTerms) this.fail(`more than ${maxFilterTerms} terms`);
    const path = this.readPath(depth);
    this.skipSpace();
    const { filter } = path;
    if (filter && path.sub === undefined && (this.at >= this.text.length || !this.peekOperator())) {
      return { kind: 'has', path: { ...path, filter } };
    }
    const opAt = this.at;
    const op = this.readWord().toLowerCase();
    if (op === 'pr') return { kind: 'present', path };
    if (!COMPARISONS.has(op)) this.fail(op ? `"${op}" is not an operator` : 'expected an operator', opAt);
    return { kind: 'compare', path, op: op as CompareOp, value: this.readLiteral() };
  }

  private peekOperator(): boolean {
    const start = this.at;
    const word = this.readWord().toLowerCase();
    this.at = start;
    return word === 'pr' || COMPARISONS.has(word);
  }

  readPath(depth: number): AttributePath {
    this.skipSpace();
    const start = this.at;
    const attribute = this.readWord();
    if (!attribute) this.fail('expected an attribute name', start);
    if (!NAME.test(attribute)) this.fail(`"${attribute.slice(0, 80)}" is not an attribute name`, start);
    if (this.inBrackets > 0 && this.text[this.at] === '[') this.fail('a value path within a value path');
    if (!this.take('[')) return { attribute };
    this.inBrackets++;
    const filter = this.readOr(depth + 1);
    this.skipSpace();
    if (!this.take(']')) this.fail('expected "]"');
    this.inBrackets--;
    if (!this.take('.')) return { attribute, filter };
    const subAt = this.at;
    const sub = this.readWord();
    if (!SUB_NAME.test(sub)) this.fail('expected a sub-attribute name after "]."', subAt);
    return { attribute, filter, sub };
  }

  private readLiteral(): Literal {
    if (!this.skipSpace()) this.fail('expected a space before the value');
    if (this.take('"')) return this.readQuoted();
    const start = this.at;
    while (this.at < this.text.length && /[A-Za-z0-9_.+-]/.test(this.text[this.at] as string)) this.at++;
    const word = this.text.slice(start, this.at);
    const lower = word.toLowerCase();
    if (lower === 'true') return true;
    if (lower === 'false') return false;
    if (lower === 'null') return null;
    if (NUMBER.test(word)) return Number(word);
    return this.fail('expected a value: a quoted string, a number, true, false or null', start);
  }

  /** A JSON string; each character is looked at once. */
  private readQuoted(): string {
    const start = this.at - 1;
    let value = '';
    while (this.at < this.text.length) {
      const character = this.text[this.at++] as string;
      if (character === '"') return value;
      if (character !== '\\') {
        value += character;
        continue;
      }
      const escape = this.text[this.at++] ?? '';
      const plain = STRING_ESCAPES[escape];
      const hex = escape === 'u' ? this.text.slice(this.at, this.at + 4) : '';
      if (plain !== undefined) value += plain;
      else if (/^[0-9a-f]{4}$/i.test(hex)) {
        value += String.fromCharCode(Number.parseInt(hex, 16));
        this.at += 4;
      } else this.fail(`"\\${escape}" is not an escape of a JSON string`, this.at - 2);
    }
    return this.fail('the string is not closed', start);
  }

  private readWord(): string {
    const start = this.at;
    while (this.at < this.text.length && WORD.test(this.text[this.at] as string)) this.at++;
    return this.text.slice(start, this.at);
  }

  private takeWord(word: string): boolean {
    this.skipSpace();
    const start = this.at;
    if (this.readWord().toLowerCase() === word) return true;
    this.at = start;
    return false;
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  /** Whether there was any. */
  private skipSpace(): boolean {
    const start = this.at;
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++;
    return this.at > start;
  }

  expectEnd(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.fail(`unexpected "${this.text.slice(this.at, this.at + 20)}"`);
  }

  private fail(reason: string, at = this.at): never {
    const fault = this.inBrackets > 0 ? invalidFilter : this.fault;
    throw fault(`At position ${at + 1}: ${reason}.`);
  }
}
