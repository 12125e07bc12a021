import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { pause } from '../support/waiting.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, ENTERPRISE, expectError, idsOf, patch, USER } from './door.ts';
import { rfc } from './rfc.requests.ts';
import { find } from './vendor.ts';

describe('scim/rfc: RFC 7643, 7644 and 9865, over HTTP', () => {
  let w: World;
  let d: Directory;
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
  });

  describe('PATCH (§3.5.2)', () => {
    it('in every form of the RFC', async () => {
      const manager = await d.user('manager@example.test');
      const user = (await d.vendor(find(rfc, 'create user', { manager }), 201)).id as string;
      const send = (name: string, status = 200) => d.vendor(find(rfc, name, { user }), status);
      const added = await send('add without a path');
      expect(added.nickName).to.equal('Tom');
      expect(added.emails).to.have.length(3);
      expect((await send('remove some e-mails')).emails).to.have.length(1);
      expect((await send('replace all e-mails')).emails).to.deep.equal([
        { value: 'a@example.test', type: 'work', primary: true },
        { value: 'b@home.test' },
      ]);
      expect((await send('replace an address')).addresses).to.deep.equal([
        { type: 'work', streetAddress: 'Calle 2', locality: 'Cusco', primary: true },
      ]);
      expect((await send('replace one part')).addresses).to.deep.equal([
        { type: 'work', streetAddress: 'Calle 3', locality: 'Cusco', primary: true },
      ]);
      expect((await send('remove then add')).ims).to.deep.equal([{ value: 'new', type: 'aim' }]);
      expect((await send('no such target', 400)).scimType).to.equal('noTarget');
      const read = (await d.send('GET', `/Users/${user}`)).body;
      expect((read[ENTERPRISE] as JsonObject).manager).to.deep.equal({ value: manager, $ref: `../Users/${manager}` });
    });

    it('applies to the whole resource, whatever attributes it is to show', async () => {
      const id = await d.user('whole@example.test', { title: 'Chief', name: { givenName: 'W', familyName: 'H' } });
      const answer = await d.send(
        'PATCH',
        `/Users/${id}?attributes=nickName`,
        patch({ op: 'add', path: 'nickName', value: 'N' }),
      );
      expect(answer.status).to.equal(200);
      expect(answer.body).to.have.all.keys('schemas', 'id', 'nickName');
      const read = (await d.send('GET', `/Users/${id}`)).body;
      expect(read).to.deep.include({ title: 'Chief', nickName: 'N', name: { givenName: 'W', familyName: 'H' } });
    });

    it('of a group answers 204, and 200 where attributes asks for the group', async () => {
      const id = await d.group('Answers');
      const rename = patch({ op: 'replace', path: 'displayName', value: 'Renamed' });
      expect((await d.send('PATCH', `/Groups/${id}`, rename)).status).to.equal(204);
      const shown = await d.send('PATCH', `/Groups/${id}?attributes=displayName`, rename);
      expect(shown.status).to.equal(200);
      expect(shown.body).to.deep.include({ id, displayName: 'Renamed' });
    });
  });

  it('answers the filters of §3.4.2.2', async () => {
    for (const request of rfc.filter(({ method }) => method === 'GET')) {
      expect((await d.vendor(request, 200)).Resources, request.name).to.be.an('array');
    }
  });

  describe('resources (§3.3, §3.4.1, §3.5.1)', () => {
    it('say where they are and which version they have', async () => {
      const answer = await d.send('POST', '/Users', { schemas: [USER], userName: 'where@example.test' });
      const { id, meta } = answer.body as { id: string; meta: JsonObject };
      expect(meta.location).to.equal(`${w.url}/scim/v2/Users/${id}`);
      expect(answer.headers.get('location')).to.equal(meta.location);
      expect(answer.headers.get('etag')).to.equal(meta.version);
      expect(meta).to.include.keys('created', 'lastModified', 'resourceType');
      const read = await d.send('GET', `/Users/${id}`);
      expect(read.body).to.deep.equal(answer.body);
      expect((await d.send('HEAD', `/Users/${id}`)).headers.get('etag')).to.equal(meta.version);
    });

    it('are projected (§3.9)', async () => {
      const id = await d.user('shown@example.test', { title: 'T', name: { givenName: 'G', familyName: 'F' } });
      const some = (await d.send('GET', `/Users/${id}?attributes=name.givenName,title`)).body;
      expect(some).to.deep.equal({ schemas: [USER], id, title: 'T', name: { givenName: 'G' } });
      const rest = (await d.send('GET', `/Users/${id}?excludedAttributes=name,id,groups`)).body;
      expect(rest).to.include({ id, title: 'T' }).and.not.have.any.keys('name', 'groups');
    });

    it('replaced: what PUT does not name goes, except active and members', async () => {
      const id = await d.user('put@example.test', { title: 'T', active: false, name: { givenName: 'G' } });
      const put = await d.send('PUT', `/Users/${id}`, { schemas: [USER], userName: 'put@example.test' });
      expect(put.body).to.include({ active: false }).and.not.have.any.keys('title', 'name');
      const member = await d.user('member@example.test');
      const group = await d.group('Kept', [member]);
      const kept = await d.send('PUT', `/Groups/${group}`, { schemas: ['x'], displayName: 'Kept too' });
      expect(kept.body.members).to.have.length(1);
    });

    it('change their version with every change, whoever makes it, and only then', async () => {
      const id = await d.user('version@example.test');
      const version = async () => ((await d.send('GET', `/Users/${id}`)).body.meta as JsonObject).version;
      const first = await version();
      await d.send('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'active', value: true }));
      expect(await version()).to.equal(first);
      await d.send('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'title', value: 'only kept' }));
      const second = await version();
      expect(second).to.not.equal(first);
      const elsewhere = await w.api('PATCH', `/organizations/${d.org_id}/users/${id}`, { first_name: 'Else' });
      expect(elsewhere.status, elsewhere.text).to.equal(200);
      expect(await version()).to.not.equal(second);
      const group = await d.group('Versions');
      const before = (await d.send('GET', `/Groups/${group}`)).headers.get('etag');
      await d.send('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: [{ value: id }] }));
      expect((await d.send('GET', `/Groups/${group}`)).headers.get('etag')).to.not.equal(before);
    });

    it('SC-13: are protected by If-Match, and cached by If-None-Match (§3.14)', async () => {
      const id = await d.user('etag@example.test');
      const group = await d.group('Tagged', [id]);
      for (const path of [`/Users/${id}`, `/Groups/${group}`]) {
        const tag = (await d.send('GET', path)).headers.get('etag') as string;
        const cached = await d.send('GET', path, undefined, { 'if-none-match': tag });
        expect(cached.status).to.equal(304);
        expect(cached.text).to.equal('');
        const stale = { 'if-match': 'W/"stale"' };
        const change = patch({ op: 'add', path: 'externalId', value: path });
        expectError(await d.send('PATCH', path, change, stale), 412);
        expectError(await d.send('PUT', path, { schemas: [USER], userName: 'x', displayName: 'x' }, stale), 412);
        expectError(await d.send('DELETE', path, undefined, stale), 412);
        expect((await d.send('PATCH', path, change, { 'if-match': tag })).status).to.be.oneOf([200, 204]);
        expectError(await d.send('PATCH', path, change, { 'if-match': tag }), 412);
        expect((await d.send('DELETE', path, undefined, { 'if-match': '*' })).status).to.equal(204);
      }
    });
  });

  describe('lists (§3.4.2, RFC 9865)', () => {
    const list = async (query: string) => (await d.send('GET', `/Users?${query}`)).body;
    beforeEach(async () => {
      for (let n = 0; n < 7; n += 1) await d.user(`u${n}@example.test`, { title: `${9 - n}` });
    });

    it('by startIndex and count', async () => {
      expect(await list('count=0')).to.include({ totalResults: 7, itemsPerPage: 0 });
      expect(await list('startIndex=0&count=-3')).to.include({ totalResults: 7, itemsPerPage: 0, startIndex: 1 });
      expect(await list('startIndex=6&count=5')).to.include({ totalResults: 7, itemsPerPage: 2, startIndex: 6 });
      expect(await list('startIndex=60')).to.include({ totalResults: 7, itemsPerPage: 0 });
      expect((await list('count=100000')).itemsPerPage).to.equal(7);
      expectError(await d.send('GET', '/Users?count=many'), 400, 'invalidValue');
      expectError(await d.send('GET', '/Users?count=1&count=2'), 400, 'invalidValue');
    });

    it('by cursor, all of them once', async () => {
      const seen: string[] = [];
      let cursor: string | undefined = '';
      for (let page = 0; page < 10 && cursor !== undefined; page += 1) {
        const answer: JsonObject = await list(`cursor=${cursor}&count=2`);
        expect(answer.totalResults).to.equal(7);
        expect(answer).to.not.have.property('startIndex');
        for (const one of answer.Resources as JsonObject[]) seen.push(one.userName as string);
        cursor = answer.nextCursor as string | undefined;
      }
      expect(seen).to.deep.equal([0, 1, 2, 3, 4, 5, 6].map((n) => `u${n}@example.test`));
      expectError(await d.send('GET', '/Users?cursor=nonsense'), 400, 'invalidCursor');
      const { nextCursor } = await list('cursor=&count=2');
      expectError(await d.send('GET', `/Groups?cursor=${nextCursor}`), 400, 'invalidCursor');
      w.skew = 3_700_000;
      expectError(await d.send('GET', `/Users?cursor=${nextCursor}&count=2`), 400, 'expiredCursor');
      w.skew = 0;
    });

    it('sorted', async () => {
      const names = (answer: JsonObject) => (answer.Resources as JsonObject[]).map(({ userName }) => userName);
      const upwards = names(await list('sortBy=title'));
      expect(upwards).to.deep.equal([6, 5, 4, 3, 2, 1, 0].map((n) => `u${n}@example.test`));
      expect(names(await list('sortBy=title&sortOrder=descending'))).to.deep.equal(upwards.toReversed());
      expect(names(await list('sortBy=userName&startIndex=2&count=2'))).to.deep.equal([
        'u1@example.test',
        'u2@example.test',
      ]);
      expectError(await d.send('GET', '/Users?sortBy=emails.nothing'), 400, 'invalidValue');
    });

    it('by POST to .search, within a type and over all (§3.4.3)', async () => {
      const group = await d.group('Searched');
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
      const one = await d.send('POST', '/Users/.search', {
        schemas,
        filter: 'userName sw "u3"',
        attributes: ['userName'],
      });
      expect(idsOf(one)).to.have.length(1);
      const all = await d.send('POST', '/.search', { schemas, startIndex: 6, count: 3 });
      expect(all.body).to.include({ totalResults: 8, itemsPerPage: 3, startIndex: 6 });
      expect(idsOf(all).at(-1)).to.equal(group);
      const named = await d.send('GET', `?filter=${encodeURIComponent('displayName eq "searched"')}`);
      expect(idsOf(named)).to.deep.equal([group]);
      const late = await d.send('POST', '/.search', { schemas, startIndex: 8, count: 5 });
      expect(idsOf(late)).to.deep.equal([group]);
      expectError(await d.send('POST', '/.search', { schemas, sortBy: 'id' }), 400, 'invalidValue');
      expectError(await d.send('POST', '/Users/.search', { filter: 'id pr' }), 400, 'invalidSyntax');
    });
  });

  it('Bulk makes what refers to one another, and says what failed (§3.7)', async () => {
    const answer = await d.send('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [
        {
          method: 'POST',
          path: '/Groups',
          bulkId: 'g',
          data: { schemas: ['x'], displayName: 'Bulk', members: [{ value: 'bulkId:a' }] },
        },
        { method: 'POST', path: '/Users', bulkId: 'a', data: { schemas: [USER], userName: 'a@example.test' } },
        { method: 'POST', path: '/Users', bulkId: 'b', data: { schemas: [USER], userName: 'a@example.test' } },
        { method: 'PATCH', path: '/Users/bulkId:a', data: patch({ op: 'add', path: 'title', value: 'T' }) },
        { method: 'POST', path: '/Nothing', bulkId: 'n', data: {} },
      ],
    });
    expect(answer.status, answer.text).to.equal(200);
    const results = answer.body.Operations as JsonObject[];
    expect(results.map(({ status }) => status)).to.deep.equal(['201', '201', '409', '200', '404']);
    const group = (await d.send('GET', new URL(String(results[0]?.location)).pathname.replace('/scim/v2', ''))).body;
    expect(group.members).to.have.length(1);
    expect(results[2]?.response).to.include({ status: '409', scimType: 'uniqueness' });
  });

  describe('HTTP (§3, §8)', () => {
    it('refuses strangers with 401 and a challenge', async () => {
      for (const authorization of [null, 'Bearer ltl_scim_unknown', 'Basic eDp5']) {
        const answer = await w.request('/scim/v2/Users', { headers: authorization === null ? {} : { authorization } });
        expectError(answer as never, 401);
        expect(answer.headers.get('www-authenticate')).to.match(/^Bearer /);
      }
      expectError((await w.request('/scim/v2/Schemas', { headers: { authorization: 'Bearer x' } })) as never, 401);
    });

    it('knows methods, addresses and media types', async () => {
      const put = await d.send('PUT', '/Users', {});
      expectError(put, 405);
      expect(put.headers.get('allow')).to.equal('GET, HEAD, POST, OPTIONS');
      expect((await d.send('OPTIONS', '/Groups/x')).headers.get('allow')).to.include('PATCH');
      for (const path of ['/Nothing', '/Users/a/b', '/Bulk/x', '/%zz', '/Schemas/a/b']) {
        expectError(await d.send('GET', path), 404);
      }
      expectError((await w.request('/scim/v1/Users')) as never, 401);
      expectError(await d.send('GET', '/Me'), 501);
      expectError(await d.send('GET', '/Users', undefined, { accept: 'application/xml' }), 406);
      const plain = await d.send('GET', '/Users', undefined, { accept: 'application/json' });
      expect(plain.headers.get('content-type')).to.match(/^application\/json/);
      expectError(await d.send('POST', '/Users', 'userName=x', { 'content-type': 'text/plain' }), 415);
      expect((await d.send('GET', '//Users/')).status, 'slashes too many').to.equal(200);
    });

    it('SC-11: tells a client that asks too often how long to wait, and serves the others', async () => {
      const fast = await world({ environment: { LINTEL_SCIM_REQUESTS_PER_SECOND: '1' } });
      try {
        const [one, two] = [await directory(fast), await directory(fast)];
        const statuses = [];
        for (let n = 0; n < 5; n += 1) statuses.push(await one.send('GET', '/Users?count=1'));
        const refused = statuses.at(-1);
        expect(statuses.slice(0, 3).map(({ status }) => status)).to.deep.equal([200, 200, 200]);
        if (!refused) throw new Error('no answer');
        expectError(refused, 429);
        expect(refused.headers.get('retry-after')).to.equal('1');
        expect((await two.send('GET', '/Users')).status).to.equal(200);
        // It waits by a clock that nobody sets; the one for dates is set back meanwhile (RE-09).
        fast.skew = -3_600_000;
        await pause(1100);
        expect((await one.send('GET', '/Users')).status).to.equal(200);
        const bulk = await two.send('POST', '/Bulk', {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
          Operations: Array.from({ length: 20 }, () => ({ method: 'DELETE', path: '/Users/nobody' })),
        });
        expect(bulk.status).to.equal(200);
        const later = await two.send('GET', '/Users');
        expectError(later, 429);
        expect(Number(later.headers.get('retry-after')), 'Bulk counts what it does').to.be.greaterThan(10);
      } finally {
        await fast.close();
      }
      // The world of the other tests stands on the same database, which is empty now.
      await w.close();
      w = await world();
    });
  });
});
