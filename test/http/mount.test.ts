import { expect } from 'chai';
import { Type } from 'typebox';
import { mountRoutes } from '../../src/http/mount.ts';
import { route } from '../../src/http/route.ts';
import { type World, world } from '../support/world.ts';
import { type Served, serveRoutes } from './served.ts';

const Thing = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 50 }),
  size: Type.Optional(Type.Integer({ minimum: 0 })),
  inner: Type.Optional(Type.Object({ list: Type.Array(Type.Object({ colour: Type.String() })) })),
});

const routes = [
  route({
    method: 'post',
    path: '/things',
    operationId: 'createThing',
    summary: 'Make one.',
    group: 'Things',
    body: Thing,
    reply: Type.Object({ name: Type.String(), at: Type.String() }),
    status: 201,
    permission: null,
    run: async (call, { body }) => ({
      name: body.name,
      at: call.now as unknown as string,
      secret: 'canary',
      inner: { x: 1 },
    }),
  }),
  route({
    method: 'get',
    path: '/things/{thing_id}',
    operationId: 'getThing',
    summary: 'Read one.',
    group: 'Things',
    params: Type.Object({ thing_id: Type.String({ format: 'uuid' }) }),
    query: Type.Object({ count: Type.Optional(Type.Integer({ maximum: 5 })), deep: Type.Optional(Type.Boolean()) }),
    reply: Type.Object({ query: Type.Object({}, { additionalProperties: true }) }),
    permission: null,
    run: async (_call, { query }) => ({ query }),
  }),
  route({
    method: 'delete',
    path: '/things/{thing_id}',
    operationId: 'deleteThing',
    summary: 'Remove one.',
    group: 'Things',
    params: Type.Object({ thing_id: Type.String({ format: 'uuid' }) }),
    permission: null,
    run: async () => undefined,
  }),
  route({
    method: 'get',
    path: '/broken',
    operationId: 'getBroken',
    summary: 'Answers what its schema does not allow.',
    group: 'Things',
    reply: Type.Object({ count: Type.Integer() }),
    permission: 'public',
    run: async () => ({ count: 'many' as unknown as number }),
  }),
  route({
    method: 'get',
    path: '/defect',
    operationId: 'getDefect',
    summary: 'Throws.',
    group: 'Things',
    reply: Type.Object({}),
    permission: 'public',
    run: () => Promise.reject(new TypeError('canary-insides of undefined')),
  }),
];

const id = '0190b7a0-7cf4-7d2b-9b21-0d5e6f7a8b9c';

describe('http/mount', () => {
  let w: World;
  let served: Served;
  before(async () => {
    w = await world();
    served = await serveRoutes(w.app, routes);
  });
  after(async () => {
    await served.close();
    await w.close();
  });

  it('answers what the schema names, and nothing that was spread into it (AZ-04)', async () => {
    const reply = await served.post('/api/v1/things', '{"name":"a"}');
    expect(reply.status).to.equal(201);
    expect(Object.keys(reply.body)).to.deep.equal(['name', 'at']);
    expect(reply.headers['content-type']).to.equal('application/json; charset=utf-8');
  });

  it('points at the field that is wrong', async () => {
    const cases: [string, string][] = [
      ['{}', '/body/name'],
      ['{"name":""}', '/body/name'],
      ['{"name":7}', '/body/name'],
      ['{"name":"a","size":-1}', '/body/size'],
      ['{"name":"a","size":1.5}', '/body/size'],
      ['{"name":"a","size":"1"}', '/body/size'],
      ['{"name":"a","inner":{"list":[{"colour":"red"},{}]}}', '/body/inner/list/1/colour'],
      ['{"name":"a","role":"owner"}', '/body/role'],
      ['{"name":"a","inner":{"list":[{"colour":"red","x":1}]}}', '/body/inner/list/0/x'],
      ['[]', '/body'],
    ];
    for (const [json, pointer] of cases) {
      const reply = await served.post('/api/v1/things', json);
      expect([reply.status, reply.body.code, reply.body.errors?.[0]?.pointer], json).to.deep.equal([
        400,
        'request_invalid',
        pointer,
      ]);
      expect(reply.headers['content-type']).to.match(/^application\/problem\+json/);
    }
  });

  it('names every field that is wrong, each once; of a large body the first', async () => {
    const pointersOf = async (json: string) =>
      (await served.post('/api/v1/things', json)).body.errors?.map(({ pointer }: { pointer: string }) => pointer);
    const wrong = { size: -1.5, role: 'owner', inner: { list: [{ colour: 1 }, {}] } };
    expect(await pointersOf(JSON.stringify(wrong))).to.have.members([
      '/body/name',
      '/body/size',
      '/body/role',
      '/body/inner/list/0/colour',
      '/body/inner/list/1/colour',
    ]);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`other${index}`, 1]));
    expect(await pointersOf(JSON.stringify(many))).to.have.length(20);
    expect(await pointersOf(JSON.stringify({ ...many, padding: 'x'.repeat(20_000) }))).to.have.length(1);
  });

  it('asks for a body where one is needed', async () => {
    const reply = await served.ask('/api/v1/things', { method: 'POST' });
    expect([reply.status, reply.body.errors?.[0]?.pointer]).to.deep.equal([400, '/body/name']);
  });

  it('reads numbers and booleans from the query, once each (OA-10)', async () => {
    const good = await served.ask(`/api/v1/things/${id}?count=3&deep=true`);
    expect(good.body.query).to.deep.equal({ count: 3, deep: true });
    for (const query of [
      'count=1&count=2',
      'count=6',
      'count=x',
      'unknown=1',
      'count[]=1',
      '__proto__=1',
      'deep=maybe',
    ]) {
      const reply = await served.ask(`/api/v1/things/${id}?${query}`);
      expect([reply.status, ['request_invalid', 'body_malformed'].includes(reply.body.code)], query).to.deep.equal([
        400,
        true,
      ]);
    }
  });

  it('refuses ids that are none before anything looks for them', async () => {
    for (const bad of ['1', "'%20or%201=1", 'null', `${id}0`, '%00', encodeURIComponent('🙂'), '..%2f..']) {
      const reply = await served.ask(`/api/v1/things/${bad}`);
      expect([reply.status, reply.body.code], bad).to.deep.equal([400, 'request_invalid']);
    }
    expect((await served.ask('/api/v1/things/1')).body.errors?.[0]?.detail).to.equal('must be a UUID');
    const malformed = await served.ask('/api/v1/things/%ff');
    expect(malformed.status).to.be.oneOf([400, 404]);
  });

  it('answers 405 with Allow for another method, 404 for another address', async () => {
    const other = await served.ask(`/api/v1/things/${id}`, { method: 'PATCH' });
    expect([other.status, other.body.code]).to.deep.equal([405, 'method_not_allowed']);
    expect(other.headers.allow).to.equal('HEAD, GET, DELETE');
    const nowhere = await served.ask('/api/v1/nothing');
    expect([nowhere.status, nowhere.body.code]).to.deep.equal([404, 'not_found']);
    expect((await served.ask('/api/v1/things/')).status).to.equal(404);
  });

  it('tells methods to OPTIONS, and promises no foreign origin anything (WB-09)', async () => {
    const reply = await served.ask(`/api/v1/things/${id}`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' },
    });
    expect(reply.headers.allow).to.equal('HEAD, GET, DELETE');
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).to.deep.equal([]);
  });

  it('answers 204 without a body where there is no reply', async () => {
    const reply = await served.ask(`/api/v1/things/${id}`, { method: 'DELETE' });
    expect([reply.status, reply.text]).to.deep.equal([204, '']);
  });

  it('asks who it is first, and says how (RFC 6750 §3)', async () => {
    const reply = await served.post('/api/v1/things', '{"broken', { authorization: '' });
    expect([reply.status, reply.body.code]).to.deep.equal([401, 'unauthenticated']);
    expect(reply.headers['www-authenticate']).to.match(/^Bearer/);
  });

  it('WB-15: hides defects behind a request id that the log has too', async () => {
    for (const path of ['/api/v1/broken', '/api/v1/defect']) {
      const reply = await served.ask(path);
      expect([reply.status, reply.body.code]).to.deep.equal([500, 'internal']);
      expect(reply.text).not.to.match(/canary|TypeError|count|node_modules|at /);
      const logged = w.logLines.filter((line) => line.includes(String(reply.body.request_id)));
      expect(logged.join('')).to.match(/canary-insides|breaks its schema/);
      expect(reply.headers['x-request-id']).to.equal(reply.body.request_id);
    }
  });

  it('does not mount two operations of one name', () => {
    const [first] = routes;
    if (first) expect(() => mountRoutes(w.app, [first, first], async () => w.call().actor)).to.throw(/Two routes/);
  });
});
