/**
 * What hostile and broken requests get: an answer in SCIM's own form, and nothing half-written (SC-06, SC-07, SC-10; issue 2 §5).
 * Over 300 lines because it is a list.
 */
import { connect } from 'node:net';
import { expect } from 'chai';
import { deleteGroup } from '../../src/directory/groups/service.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, expectError, GROUP, idsOf, PATCH, patch, USER } from './door.ts';
import { Random } from '../support/random.ts';

describe('scim: hostile input', () => {
  let w: World;
  let d: Directory;
  let user: string;
  let group: string;
  before(async () => {
    w = await world({ environment: { LINTEL_SCIM_REQUESTS_PER_SECOND: '10000' } });
    d = await directory(w);
    user = await d.user('sane@example.test', { title: 'T' });
    group = await d.group('Sane', [user]);
  });
  after(() => w.close());
  /** Nothing that is refused may leave a trace. */
  const stateOf = async () => ({
    users: await w.db('users').orderBy('user_id'),
    groups: await w.db('user_groups').orderBy('group_id'),
    members: await w.db('user_group_memberships').orderBy('membership_id'),
    kept: await w.db('scim_resources').orderBy('resource_id'),
    audit: await w.db('audit_logs').orderBy('log_id').select('log_id'),
  });
  afterEach(() => expect(({} as Record<string, unknown>).polluted, 'the prototype is clean').to.equal(undefined));

  it('bodies that are no JSON, no object, too deep, with null bytes or broken text', async () => {
    const before = await stateOf();
    const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`;
    const bodies = [
      '{',
      '',
      'null',
      '[]',
      '"text"',
      '{"schemas":',
      `{"schemas":["${USER}"],"userName":"a\\u0000b"}`,
      `{"schemas":["${USER}"],"userName":"a\\ud800"}`,
      `{"schemas":["${USER}"],"userName":"x","a":${deep}}`,
      `{"schemas":["${USER}"],"userName":"x","\\u0000":1}`,
      `{"schemas":["${USER}"]}`,
      `{"schemas":["${USER}"],"userName":""}`,
      `{"schemas":["${USER}"],"userName":["x"]}`,
      `{"schemas":["${USER}"],"userName":{"x":1}}`,
      `{"schemas":["${USER}"],"userName":"x","USERNAME":"y"}`,
      `{"schemas":["${USER}"],"userName":"x","active":"maybe"}`,
      `{"schemas":["${USER}"],"userName":"x","emails":[{"value":"no address"}]}`,
      `{"schemas":["${USER}"],"userName":"x\\u202Egnp.exe"}`,
      `{"schemas":["${USER}"],"userName":"x","name":{"givenName":"${'y'.repeat(300)}"}}`,
      `{"schemas":["${USER}"],"userName":"x","externalId":"${'y'.repeat(3000)}"}`,
      `{"schemas":[],"userName":"x"}`,
      '{"userName":"x"}',
    ];
    for (const body of bodies) {
      for (const [method, path] of [
        ['POST', '/Users'],
        ['PUT', `/Users/${user}`],
      ] as const) {
        const answer = await d.send(method, path, body);
        expectError(answer, 400, answer.body.scimType as string);
        expect(answer.body.scimType, body.slice(0, 80)).to.be.oneOf(['invalidSyntax', 'invalidValue']);
      }
      const answer = await d.send('PATCH', `/Groups/${group}`, body);
      expectError(answer, 400, answer.body.scimType as string);
    }
    expect(await stateOf()).to.deep.equal(before);
  });

  it('SC-06: names that reach into prototypes become nothing, in bodies, paths, filters and queries', async () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'constructor.prototype']) {
      const body = `{"schemas":["${USER}"],"userName":"p@example.test","${name}":{"polluted":true},"name":{"${name}":{"polluted":true}}}`;
      expect((await d.send('POST', '/Users', body)).status).to.be.oneOf([201, 400, 409]);
      const paths = [
        name,
        `name.${name}`,
        `emails[${name} eq "x"].value`,
        `urn:a:b:${name}`,
        `${USER}:${name}.polluted`,
      ];
      for (const path of paths) {
        const answer = await d.send('PATCH', `/Users/${user}`, patch({ op: 'add', path, value: { polluted: true } }));
        expect(answer.status, path).to.equal(400);
      }
      await d.send('PATCH', `/Users/${user}`, patch({ op: 'add', value: { [name]: { polluted: true } } }));
      const query = `filter=${encodeURIComponent(`${name}.polluted eq true`)}&attributes=${name}&sortBy=${name}`;
      expect((await d.send('GET', `/Users?${query}`)).status).to.be.oneOf([200, 400]);
    }
    const read = await d.send('GET', `/Users/${user}`);
    expect(read.text).to.not.include('polluted');
  });

  it('PATCH messages that are none', async () => {
    const before = await stateOf();
    const schemas = [PATCH];
    const messages: object[] = [
      {},
      { schemas },
      { schemas, Operations: {} },
      { schemas, Operations: [1] },
      { schemas, Operations: [{}] },
      { schemas, Operations: [{ op: 'move', path: 'title', value: 'x' }] },
      { schemas, Operations: [{ op: 'replace' }] },
      { schemas, Operations: [{ op: 'remove' }] },
      { schemas, Operations: [{ op: 'replace', path: 7, value: 'x' }] },
      { schemas, Operations: [{ op: 'replace', path: 'emails[', value: 'x' }] },
      { schemas, Operations: [{ op: 'replace', path: 'emails[type eq].value', value: 'x' }] },
      { schemas, Operations: [{ op: 'replace', path: 'nothing.at.all', value: 'x' }] },
      { schemas, Operations: [{ op: 'replace', path: 'active', value: 'maybe' }] },
      // The first operation is fine: it must not be done either.
      {
        schemas,
        Operations: [
          { op: 'replace', path: 'title', value: 'half' },
          { op: 'replace', path: 'userName', value: '' },
        ],
      },
      {
        schemas,
        Operations: [
          { op: 'replace', path: 'title', value: 'half' },
          { op: 'remove', path: 'userName' },
        ],
      },
      { schemas, Operations: [{ op: 'add', path: 'title', value: 'x'.repeat(70_000) }] },
    ];
    for (const message of messages) {
      const answer = await d.send('PATCH', `/Users/${user}`, message);
      expect(answer.status, JSON.stringify(message).slice(0, 100)).to.be.oneOf([400, 413]);
      expectError(answer, answer.status, answer.body.scimType as string | undefined);
    }
    const tooMany = {
      schemas,
      Operations: Array.from({ length: 1001 }, () => ({ op: 'add', path: 'title', value: 'x' })),
    };
    expectError(await d.send('PATCH', `/Users/${user}`, tooMany), 413);
    expect(await stateOf()).to.deep.equal(before);
  });

  it('SC-07: filters that are none, too long, too deep, or SQL', async () => {
    const bad = [
      'userName',
      'userName eq',
      'userName eq bob',
      'userName eq "bob',
      `userName eq "${'\\\\'.repeat(60)}`,
      'userName like "x"',
      'and userName pr',
      '(userName pr',
      'userName pr)',
      'emails[type eq "work"',
      'active gt true',
      'meta.created gt "yesterday"',
      `${'('.repeat(40)}userName pr${')'.repeat(40)}`,
      Array.from({ length: 70 }, () => 'userName pr').join(' or '),
      `userName eq "${'x'.repeat(5000)}"`,
    ];
    for (const filter of bad) {
      expectError(await d.send('GET', `/Users?filter=${encodeURIComponent(filter)}`), 400, 'invalidFilter');
    }
    const sql = [
      `' or 1=1 --`,
      `"; drop table users; --`,
      `%' or ''='`,
      `\\'; select pg_sleep(10)--`,
      `?`,
      `$1`,
      `x') or true or ('`,
    ];
    for (const text of sql) {
      for (const attribute of [
        'userName',
        'title',
        'emails.value',
        'externalId',
        'id',
        'groups.display',
        'meta.resourceType',
      ]) {
        const filter = `${attribute} eq ${JSON.stringify(text)} or ${attribute} co ${JSON.stringify(text)}`;
        const answer = await d.send('GET', `/Users?filter=${encodeURIComponent(filter)}`);
        expect(answer.status, filter).to.equal(200);
        expect(idsOf(answer), filter).to.deep.equal([]);
      }
      expect((await d.send('GET', `/Users?sortBy=${encodeURIComponent(text)}`)).status).to.equal(400);
    }
    // A null character is in no text that is stored.
    expect(idsOf(await d.send('GET', `/Users?filter=${encodeURIComponent('userName eq "a\\u0000"')}`))).to.deep.equal(
      [],
    );
    expect((await d.send('GET', '/Users?filter=userName%20eq%20%22%00%22')).status).to.be.oneOf([200, 400]);
  });

  it('SC-07: a filter has 2,048 bytes and ten levels at most, wherever it is sent', async () => {
    const long = (bytes: number) => `userName eq "${'é'.repeat((bytes - 14) / 2)}"`;
    expect(Buffer.byteLength(long(2048))).to.equal(2048);
    const nested = (depth: number) => `${'('.repeat(depth)}userName pr${')'.repeat(depth)}`;
    const search = (filter: string, path = '/.search') =>
      d.send('POST', path, { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], filter });
    const ways: Record<string, (filter: string) => ReturnType<typeof d.send>> = {
      'a query of users': (filter) => d.send('GET', `/Users?filter=${encodeURIComponent(filter)}`),
      'a query of groups': (filter) =>
        d.send('GET', `/Groups?filter=${encodeURIComponent(filter.replace('userName', 'displayName'))}`),
      'a search of all': search,
      'a search of users': (filter) => search(filter, '/Users/.search'),
    };
    for (const [way, ask] of Object.entries(ways)) {
      // Of a group it says `displayName`, which is three letters longer.
      const most = way.includes('groups') ? 2044 : 2048;
      expect((await ask(long(most))).status, way).to.equal(200);
      expectError(await ask(long(most + 2)), 400, 'invalidFilter');
      expect((await ask(nested(10))).status, way).to.equal(200);
      expectError(await ask(nested(11)), 400, 'invalidFilter');
    }
    const before = await stateOf();
    const at = (inner: string) =>
      d.send(
        'PATCH',
        `/Users/${user}`,
        patch({ op: 'replace', path: `emails[${inner}].value`, value: 'x@example.test' }),
      );
    for (const inner of [`type eq "${'x'.repeat(2048)}"`, `${'('.repeat(11)}type pr${')'.repeat(11)}`]) {
      const answer = await at(inner);
      expectError(answer, 400, answer.body.scimType as string);
      expect(answer.body.scimType).to.be.oneOf(['invalidPath', 'invalidFilter']);
    }
    expect(await stateOf()).to.deep.equal(before);
  });

  it('SC-07: a thousand random filters never break the server', async () => {
    const random = new Random(20261121);
    const words = [
      'userName',
      'title',
      'emails',
      'emails.value',
      'active',
      'meta.created',
      'id',
      'groups',
      'manager',
      'x:y',
      'eq',
      'ne',
      'co',
      'sw',
      'gt',
      'le',
      'pr',
      'and',
      'or',
      'not',
      '(',
      ')',
      '[',
      ']',
      '].value',
      '"x"',
      '"2026-01-01T00:00:00Z"',
      'true',
      '7',
      'null',
      '"\\u0000"',
      '%',
      "'",
      ';',
      '\\',
    ];
    for (let round = 0; round < 1000; round += 1) {
      const length = 1 + random.below(12);
      const filter = Array.from({ length }, () => words[random.below(words.length)]).join(
        random.below(4) === 0 ? '' : ' ',
      );
      const answer = await d.send('GET', `/Users?count=1&filter=${encodeURIComponent(filter)}`);
      expect(answer.status, filter).to.be.oneOf([200, 400]);
    }
  }).timeout(60_000);

  it('ids that are none', async () => {
    for (const id of [
      '1',
      'x',
      '%00',
      '..%2f',
      "'--",
      '%F0%9F%92%A9',
      'null',
      `${user}x`,
      user.replaceAll('-', ''),
      '{id}',
      '*',
    ]) {
      for (const [method, body] of [
        ['GET', undefined],
        ['PATCH', patch({ op: 'add', path: 'title', value: 'x' })],
        ['DELETE', undefined],
      ] as const) {
        expectError(await d.send(method, `/Users/${id}`, body), 404);
        expectError(
          await d.send(method, `/Groups/${id}`, body && patch({ op: 'add', path: 'displayName', value: 'x' })),
          404,
        );
      }
    }
    expect((await d.send('GET', `/Users/${user.toUpperCase()}`)).body.id, 'ids have no case').to.equal(user);
  });

  it('SC-10: ten megabytes are refused with 413, announced or not, and the server goes on', async () => {
    const big = JSON.stringify({ schemas: [USER], userName: 'big@example.test', note: 'x'.repeat(10_000_000) });
    expectError(await d.send('POST', '/Users', big), 413);
    expectError(await d.send('PUT', `/Groups/${group}`, big), 413);
    const limits = { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'] };
    expectError(await d.send('POST', '/Bulk', { ...limits, Operations: 'x'.repeat(1_100_000) }), 413);
    const operations = Array.from({ length: 1001 }, () => ({ method: 'DELETE', path: `/Users/${user}` }));
    expectError(await d.send('POST', '/Bulk', { ...limits, Operations: operations }), 413);
    expect(await chunked(w, d.token, 3_000_000)).to.match(/^HTTP\/1\.1 413 /);
    expect((await d.send('GET', `/Users/${user}`)).status).to.equal(200);
  });

  it('SC-10: Bulk stops after failOnErrors, and answers each operation', async () => {
    const post = (bulkId: string, userName: string) => ({
      method: 'POST',
      path: '/Users',
      bulkId,
      data: { schemas: [USER], userName },
    });
    const answer = await d.send('POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      failOnErrors: 1,
      Operations: [post('a', 'bulk-a@example.test'), post('b', 'sane@example.test'), post('c', 'bulk-c@example.test')],
    });
    const results = answer.body.Operations as JsonObject[];
    expect(results.map(({ bulkId, status }) => [bulkId, status])).to.deep.equal([
      ['a', '201'],
      ['b', '409'],
    ]);
  });

  it('a group’s PUT with five thousand members is one request', async () => {
    const ids = Array.from(
      { length: 5000 },
      (_, n) => `01900002-0000-7000-8000-${(n + 1).toString(16).padStart(12, '0')}`,
    );
    const rows = ids.map((user_id, n) => ({
      user_id,
      home_org_id: d.org_id,
      username: `many-${n}`,
      created_at: 1_760_000_000,
    }));
    await w.db.batchInsert('users', rows, 1000);
    const membership = ids.map((user_id) => ({ user_id, org_id: d.org_id, url_safe_org_name: 'x' }));
    await w.db.batchInsert('user_organization_info', membership, 1000);
    const large = await d.group('Large');
    const members = ids.map((value) => ({ value, display: 'Somebody', $ref: `${w.url}/scim/v2/Users/${value}` }));
    const put = await d.send('PUT', `/Groups/${large}?excludedAttributes=members`, {
      schemas: [GROUP],
      displayName: 'Large',
      members,
    });
    expect(put.status, put.text.slice(0, 300)).to.equal(200);
    expect(put.body).to.not.have.property('members');
    expect((await d.send('GET', `/Groups/${large}`)).body.members).to.have.length(5000);
    await deleteGroup(w.call(), d.org_id, large);
  }).timeout(30_000);
});

/** A body without a length, sent until the server answers. */
function chunked(w: World, token: string, bytes: number): Promise<string> {
  const { port, hostname, host } = new URL(w.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString();
      socket.destroy();
      resolve(answer);
    });
    socket.on('error', (error) => (answer ? resolve(answer) : reject(error)));
    socket.write(
      `POST /scim/v2/Users HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
        'Content-Type: application/scim+json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    for (let sent = 0; sent < bytes; sent += 0x10000) socket.write(chunk);
    socket.write('0\r\n\r\n');
  });
}
