import { expect } from 'chai';
import { routes, version } from '../../src/app.ts';
import { openApi } from '../../src/http/openapi.ts';
import { type World, world } from '../support/world.ts';

interface Operation {
  operationId: string;
  summary: string;
  responses: Record<string, unknown>;
  parameters: { name: string; in: string; required: boolean }[];
}
interface Description {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

describe('http/openapi', () => {
  const description = openApi(routes, 'https://id.example.com', version) as unknown as Description;
  const operations = Object.values(description.paths).flatMap((path) => Object.values(path));

  it('describes every route once', () => {
    expect(description.openapi).to.equal('3.1.0');
    expect(operations.map(({ operationId }) => operationId).sort()).to.deep.equal(
      routes.map(({ operationId }) => operationId).sort(),
    );
  });

  it('refers to shapes that are there', () => {
    const wanted = [...JSON.stringify(description).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(Object.keys(description.components.schemas)).to.include.members([...new Set(wanted)]);
  });

  it('has each path parameter, and answers for what can go wrong', () => {
    for (const [path, methods] of Object.entries(description.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      for (const { operationId, parameters, responses } of Object.values(methods)) {
        const described = parameters.filter((parameter) => parameter.in === 'path');
        expect(described.map(({ name }) => name).sort(), operationId).to.deep.equal(named);
        expect(
          described.every(({ required }) => required),
          operationId,
        ).to.equal(true);
        expect(Object.keys(responses), operationId).to.include.members(['400', '404', '503']);
      }
    }
  });

  it('leaks nothing of TypeBox into the page', () => {
    expect(JSON.stringify(description)).not.to.match(/"\$id"|~kind|~optional/);
  });

  describe('over HTTP', () => {
    let w: World;
    before(async () => {
      w = await world();
    });
    after(() => w.close());

    it('is at /openapi.json, with the issuer as server', async () => {
      const reply = await w.request('/openapi.json');
      expect(reply.status).to.equal(200);
      expect((reply.body as unknown as Description).servers).to.deep.equal([{ url: w.url }]);
    });
  });
});
