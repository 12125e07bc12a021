/** The least that a schema accepts, made from the schema, so that every route can be called without a hand-written body. */
import { randomUUID } from 'node:crypto';

interface Shape {
  type?: string;
  format?: string;
  pattern?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Shape[];
  items?: Shape;
  minItems?: number;
  minLength?: number;
  minimum?: number;
  minProperties?: number;
  required?: string[];
  properties?: Record<string, Shape>;
}

/** What is known by name, for instance the id of a thing that exists; undefined when the name says nothing. */
export type Known = (name: string) => unknown;

let counter = 0;

const byFormat: Readonly<Record<string, () => string>> = {
  uuid: () => randomUUID(),
  email: () => `sample${++counter}@sample.example`,
  uri: () => `https://sample${++counter}.example/`,
  url: () => `https://sample${++counter}.example/`,
  hostname: () => `sample${++counter}.example`,
  'date-time': () => '2100-01-01T00:00:00.000Z',
};

const candidates = (): string[] => {
  counter += 1;
  return [
    `sample${counter}`,
    `Sample ${counter}`,
    `sample${counter}.example`,
    `samples.read${counter}`,
    `s${counter}@sample.example`,
    '#aabbcc',
    '1',
    'A',
    `https://sample${counter}.example/`,
  ];
};

function text(shape: Shape): string {
  const made = byFormat[shape.format ?? ''];
  if (made) return made();
  const pattern = shape.pattern === undefined ? /[^]*/ : new RegExp(shape.pattern, 'u');
  const found = candidates().find((candidate) => pattern.test(candidate) && candidate.length >= (shape.minLength ?? 0));
  if (found === undefined) throw new Error(`no sample for ${JSON.stringify(shape)}`);
  return found;
}

/** @param name of the property, when there is one */
export function sample(schema: unknown, known: Known = () => undefined, name = ''): unknown {
  const shape = schema as Shape;
  const given = name === '' ? undefined : known(name);
  if (given !== undefined) return given;
  if (shape.const !== undefined) return shape.const;
  if (shape.enum) return shape.enum[0];
  if (shape.anyOf) return sample(shape.anyOf[0], known, '');
  switch (shape.type) {
    case 'object': {
      const properties = shape.properties ?? {};
      const names = new Set(shape.required ?? []);
      // A change without anything to change is refused: the first property makes it one.
      if (names.size === 0) for (const first of Object.keys(properties).slice(0, 1)) names.add(first);
      return Object.fromEntries(
        [...names].map((property) => [property, sample(properties[property], known, property)]),
      );
    }
    case 'array':
      return Array.from({ length: shape.minItems ?? 0 }, () => sample(shape.items ?? {}, known, name));
    case 'string':
      return text(shape);
    case 'integer':
    case 'number':
      return shape.minimum ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'sample';
  }
}
