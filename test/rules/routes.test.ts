/** Promises about the route array itself. */
import { expect } from 'chai';
import type { TSchema } from 'typebox';
import { routes } from '../../src/app.ts';
import { knownPermissions } from '../../src/core/permission.ts';

const verbs =
  /^(list|read|create|update|replace|delete|set|add|remove|change|check|verify|preview|explain|issue|revoke|rotate|end|enable|disable|attest|claim|assign|unassign|grant|preview|accept|invite|import|export|start|test|unlink|restore)[A-Z]\w+$/;

describe('rules: routes', () => {
  it('have operation ids that are unique, and read verb + noun', () => {
    const ids = routes.map(({ operationId }) => operationId);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(ids.filter((id) => !verbs.test(id))).to.deep.equal([]);
  });

  it('are mounted once per method and path', () => {
    const places = routes.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`);
    expect(places.filter((place, i) => places.indexOf(place) !== i)).to.deep.equal([]);
  });

  it('name permissions that exist', () => {
    const known = new Set<unknown>([...knownPermissions().map(({ name }) => name), null, 'public']);
    expect(
      routes.filter(({ permission }) => !known.has(permission)).map(({ operationId }) => operationId),
    ).to.deep.equal([]);
  });

  it('describe each parameter of their path', () => {
    for (const { path, params, operationId } of routes) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      expect(Object.keys(params?.properties ?? {}).sort(), operationId).to.deep.equal(named);
    }
  });

  it('AZ-06: take no property that their schema does not name', () => {
    const open = routes
      .filter(({ body }) => body !== undefined && acceptsAnything(body))
      .map(({ operationId }) => operationId);
    expect(open).to.deep.equal([]);
  });

  function acceptsAnything(body: TSchema): boolean {
    const { type, additionalProperties, anyOf } = body as {
      type?: string;
      additionalProperties?: unknown;
      anyOf?: TSchema[];
    };
    if (anyOf) return anyOf.some(acceptsAnything);
    return type !== 'object' || additionalProperties === true;
  }

  it('say in words what each pattern of their input means: a regular expression is no sentence', () => {
    const silent: string[] = [];
    const look = (schema: unknown, at: string): void => {
      if (schema === null || typeof schema !== 'object') return;
      const { pattern, 'x-says': says } = schema as { pattern?: unknown; 'x-says'?: unknown };
      if (typeof pattern === 'string' && !(typeof says === 'string' && says.startsWith('must '))) silent.push(at);
      for (const [name, part] of Object.entries(schema)) look(part, `${at}/${name}`);
    };
    for (const { operationId, params, query, body } of routes) look({ params, query, body }, operationId);
    expect(silent).to.deep.equal([]);
  });

  it('give lists as { items, next }', () => {
    for (const { operationId, reply } of routes.filter(({ operationId: id }) => id.startsWith('list'))) {
      expect(
        Object.keys((reply as { properties?: object } | undefined)?.properties ?? {}),
        operationId,
      ).to.include.members(['items', 'next']);
    }
  });
});
