/**
 * Bodies and addresses as the recorder may keep them: without passwords and tokens, bounded in size and in the work that it
 * takes, whatever a directory sends (checklist SD-06, SC-15).
 */
import { isSecretName, withoutOurSecrets } from '../../core/redact.ts';

/** Characters of names and texts that one recorded body has at most, give or take its last text. */
const maxCharacters = 16_384;
const longestText = 2048;
const maxItems = 100;
const deepest = 16;

const hidden = '[redacted]';
const cut = '[cut]';

/** Whether something secret was taken out of a path or filter. */
export const isHidden = (recorded: string | null): boolean => recorded?.endsWith(hidden) ?? false;

interface Budget {
  left: number;
}

/** A copy for the recorder; undefined stays so. */
export const recordedBody = (body: unknown): unknown => copy(body, { left: maxCharacters }, 0);

function copy(value: unknown, budget: Budget, depth: number): unknown {
  if (typeof value === 'string') return text(value, budget);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return value.toISOString();
  if (budget.left <= 0 || depth > deepest) return cut;
  if (Array.isArray(value)) return list(value, budget, depth);
  return object(value as Record<string, unknown>, budget, depth);
}

/** PostgreSQL keeps neither null characters nor lone surrogates. */
function text(value: string, budget: Budget): string {
  const kept = withoutOurSecrets(value).slice(0, longestText).replaceAll('\u0000', '\ufffd').toWellFormed();
  budget.left -= kept.length;
  return value.length > longestText ? `${kept}… (${value.length} characters)` : kept;
}

function list(items: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const kept: unknown[] = [];
  for (const item of items.slice(0, maxItems)) {
    if (budget.left <= 0) break;
    budget.left -= 2;
    kept.push(copy(item, budget, depth + 1));
  }
  const left = items.length - kept.length;
  return left > 0 ? [...kept, `… and ${left} more`] : kept;
}

function object(value: Record<string, unknown>, budget: Budget, depth: number): Record<string, unknown> {
  const kept: Record<string, unknown> = Object.create(null);
  const hidesValue = isSecretOperation(value);
  for (const [name, item] of Object.entries(value)) {
    if (budget.left <= 0) {
      kept[cut] = true;
      break;
    }
    const key = text(name.slice(0, 256), budget);
    const isHidden = isSecretName(name) || (hidesValue && name.toLowerCase() === 'value') || isSecretFilter(name, item);
    kept[key] = isHidden && item !== null && typeof item !== 'boolean' ? hidden : copy(item, budget, depth + 1);
  }
  return kept;
}

/** A PATCH operation whose `path` names a secret: its `value` is one (RFC 7644 §3.5.2). */
function isSecretOperation(value: Record<string, unknown>): boolean {
  const path = Object.entries(value).find(([name]) => name.toLowerCase() === 'path')?.[1];
  return typeof path === 'string' && namesSecret(path);
}

/** `/.search` has its filter in the body. */
const isSecretFilter = (name: string, item: unknown): boolean =>
  name.toLowerCase() === 'filter' && typeof item === 'string' && namesSecret(item);

const namesSecret = (path: string): boolean =>
  path
    .slice(0, 8192)
    .split(/[^\w$-]+/)
    .some((word) => isSecretName(word));

/**
 * A request's path with its query. A query that mentions anything secret goes as a whole: its values cannot be told apart
 * reliably once they are escaped in several ways.
 */
export function recordedPath(path: string): string {
  const plain = withoutOurSecrets(path).replaceAll('\u0000', '\ufffd').toWellFormed();
  const cutAt = plain.indexOf('?');
  if (cutAt < 0) return plain.slice(0, 4096) || '/';
  const query = plain.slice(cutAt + 1);
  return `${plain.slice(0, Math.min(cutAt, 2048)) || '/'}?${namesSecret(decoded(query)) ? hidden : query.slice(0, 4096)}`;
}

function decoded(query: string): string {
  let words = query;
  // Twice: a filter in a query is escaped once, and some clients do it again.
  for (let round = 0; round < 2; round += 1) {
    words = words.replace(/%[0-9a-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
  }
  return words;
}
