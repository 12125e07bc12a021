/** Closed by default: every route refuses strangers, generated from the route array. */
import { expect } from 'chai';
import { routes } from '../../src/app.ts';
import { type World, world } from '../support/world.ts';
import { sample } from './sample.ts';

describe('rules: closed by default', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  const strangers: [string, string | null][] = [
    ['nobody', null],
    ['a forged API key', `ltl_key_${'A'.repeat(43)}`],
    ['an access token that is none', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.'],
    ['an empty token', ''],
  ];

  for (const { method, path, operationId, params, body, permission } of routes) {
    if (permission === 'public') continue;
    it(`${operationId} refuses strangers`, async () => {
      const values = sample(params ?? { type: 'object' }) as Record<string, string>;
      const address = path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(values[name])));
      for (const [who, bearer] of strangers) {
        const reply = await w.api(method.toUpperCase(), address, body ? sample(body) : undefined, bearer);
        expect([reply.status, reply.body.code], who).to.deep.equal([401, 'unauthenticated']);
        expect(reply.headers.get('www-authenticate'), who).to.match(/^Bearer/);
      }
    });
  }

  it('lets nobody in without a permission that was meant to be public', () => {
    const open = routes.filter(({ permission }) => permission === 'public').map(({ operationId }) => operationId);
    // A route that strangers may use belongs into this list, with its reason.
    expect(open).to.deep.equal([]);
  });

  it('takes credentials from the Authorization header only', async () => {
    for (const path of [`/audit-logs?access_token=${w.apiKey}`, `/audit-logs?api_key=${w.apiKey}`]) {
      expect((await w.api('GET', path, undefined, null)).status, path).to.be.oneOf([400, 401]);
    }
    const elsewhere = await w.api('GET', '/audit-logs', undefined, null, {
      'x-api-key': w.apiKey,
      cookie: `token=${w.apiKey}`,
    });
    expect(elsewhere.status).to.equal(401);
    const basic = `Basic ${Buffer.from(`x:${w.apiKey}`).toString('base64')}`;
    expect((await w.api('GET', '/audit-logs', undefined, null, { authorization: basic })).status).to.equal(401);
  });
});
