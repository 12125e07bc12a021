/**
 * An answer as JSON text. A group of fifty thousand is ten megabytes: written in one go it would hold everybody up, so long lists are
 * written in pieces, between which the others have their turn (RE-17).
 */
import { inTurns, nextTurn } from '../core/turn.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

/** Elements that are written in one turn. */
const piece = 2000;

const isLong = (value: Json | undefined): value is Json[] => Array.isArray(value) && value.length > piece;

const hasLong = (resource: Json): boolean => isObject(resource) && Object.values(resource).some(isLong);

/** The same as `JSON.stringify`. */
export async function jsonText(body: JsonObject): Promise<string> {
  const { Resources: resources } = body;
  if (!Array.isArray(resources) && !hasLong(body)) return JSON.stringify(body);
  const parts: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue;
    const text = Array.isArray(resources) && name === 'Resources' ? listText(resources) : valueText(value);
    parts.push(`${JSON.stringify(name)}:${await text}`);
  }
  return `{${parts.join(',')}}`;
}

async function listText(resources: readonly Json[]): Promise<string> {
  const parts = await inTurns(resources, (resource) =>
    isObject(resource) && hasLong(resource) ? jsonText(resource) : JSON.stringify(resource),
  );
  return `[${parts.join(',')}]`;
}

async function valueText(value: Json): Promise<string> {
  if (!isLong(value)) return JSON.stringify(value);
  const parts: string[] = [];
  for (let from = 0; from < value.length; from += piece) {
    await nextTurn();
    parts.push(JSON.stringify(value.slice(from, from + piece)).slice(1, -1));
  }
  return `[${parts.join(',')}]`;
}
