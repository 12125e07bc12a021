import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { drainRecorder, expireScimRequests, record, recordedDays } from '../../../src/provisioning/recorder/service.ts';
import { type World, world } from '../../support/world.ts';
import { type Directory, makeDirectory } from '../directories.ts';
import { leastCost, processorTime } from '../../support/effort.ts';
import { pause } from '../../support/waiting.ts';

interface Recorded {
  scim_request_id: string;
  client_id: string | null;
  method: string;
  path: string;
  request_body: Record<string, unknown> | null;
  response_body: Record<string, unknown> | null;
  response_status: number;
  cause: string | null;
  rule: string | null;
  scim_type: string | null;
  changes: Record<string, unknown> | null;
}
interface Page {
  items: Recorded[];
  next: string | null;
}

const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';

describe('provisioning/recorder', () => {
  let w: World;
  let directory: Directory;
  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    directory = await makeDirectory(w);
  });
  afterEach(() => drainRecorder(w.app));
  after(() => w.close());

  const remember = (entry: object = {}) =>
    record(w.app, {
      org_id: directory.org_id,
      client_id: directory.client_id,
      request: { request_id: 'r-1', ip: '203.0.113.7', user_agent: 'Directory/1.0' },
      method: 'POST',
      path: '/scim/v2/Users',
      response_status: 201,
      ...entry,
    });
  const read = async (query = '', place = directory): Promise<Page> => {
    await drainRecorder(w.app);
    const answer = await w.api<Page>('GET', `/organizations/${place.org_id}/scim-requests${query}`);
    expect(answer.status, answer.text).to.equal(200);
    return answer.body;
  };

  it('keeps a request with its answer, the readings that were applied, and what it changed', async () => {
    const user = crypto.randomUUID();
    remember({
      path: '/scim/v2/Users?attributes=userName',
      request_body: { userName: 'ada', active: 'True' },
      response_body: { id: user, userName: 'ada' },
      notes: [
        { rule: 'text-as-boolean', path: 'active' },
        { rule: 'text-as-boolean', path: 'emails.primary' },
        { rule: 'unknown-attribute-kept', path: 'shoeSize' },
      ],
      changes: { created: true },
      resource_type: 'User',
      resource_id: user,
      duration_ms: 12.6,
    });
    const { items } = await read();
    expect(items).to.have.length(1);
    expect(items[0]).to.deep.include({
      client_id: directory.client_id,
      org_id: directory.org_id,
      method: 'POST',
      path: '/scim/v2/Users?attributes=userName',
      request_body: { userName: 'ada', active: 'True' },
      response_status: 201,
      response_body: { id: user, userName: 'ada' },
      rule: 'text-as-boolean, unknown-attribute-kept',
      cause: null,
      scim_type: null,
      resource_type: 'User',
      resource_id: user,
      duration_ms: 13,
      ip_address: '203.0.113.7',
      user_agent: 'Directory/1.0',
      request_id: 'r-1',
    });
    expect(items[0]?.changes).to.deep.include({ created: true });
    expect(items[0]?.changes?.notes).to.have.length(3);
  });

  it('says in plain words why a request was refused', async () => {
    const refuse = (status: number, detail: string, scimType?: string) =>
      remember({
        response_status: status,
        response_body: { schemas: [ERROR], status: String(status), detail, ...(scimType ? { scimType } : {}) },
      });
    refuse(409, 'Another resource already has this userName.', 'uniqueness');
    refuse(503, 'The database does not answer at the moment.');
    remember({ response_status: 418, cause: 'The directory asked a teapot.' });
    const [teapot, busy, clash] = (await read()).items;
    expect(clash?.cause).to.match(/^Another resource already has this userName\. The directory should look/);
    expect(clash?.scim_type).to.equal('uniqueness');
    expect(busy?.cause).to.include('nothing was changed');
    expect(teapot?.cause).to.equal('The directory asked a teapot.');
  });

  it('SC-15, SD-06: never holds a password or a token, wherever the directory puts it', async () => {
    const canary = `hunter2-${randomBytes(8).toString('hex')}`;
    const bodies: unknown[] = [
      { userName: 'a', password: canary },
      { userName: 'a', PassWord: canary },
      { 'urn:ietf:params:scim:schemas:core:2.0:User:password': canary },
      { 'urn:ietf:params:scim:schemas:core:2.0:User': { password: canary } },
      { Operations: [{ op: 'replace', path: 'password', value: canary }] },
      { Operations: [{ op: 'Replace', PATH: 'Password', VALUE: canary }] },
      { Operations: [{ op: 'add', path: 'urn:ietf:params:scim:schemas:core:2.0:User:password', value: canary }] },
      { Operations: [{ op: 'replace', value: { password: canary } }] },
      { Operations: [{ op: 'replace', path: 'urn:x:custom:apiToken', value: [{ value: canary }] }] },
      { Operations: [{ method: 'POST', path: '/Users', data: { userName: 'a', password: canary } }] },
      {
        Operations: [
          { method: 'PATCH', path: '/Users/1', data: { Operations: [{ op: 'add', path: 'password', value: canary }] } },
        ],
      },
      { filter: `password eq "${canary}"`, startIndex: 1 },
      { filter: `userName eq "x" or passWORD sw "${canary}"` },
      { access_token: canary, client_secret: canary, authorization: `Bearer ${canary}` },
    ];
    for (const request_body of bodies) remember({ request_body });
    for (const path of [
      `/scim/v2/Users?filter=password eq "${canary}"`,
      `/scim/v2/Users?filter=pass%77ord%20eq%20%22${canary}%22`,
      `/scim/v2/Users?filter=pass%2577ord%2520eq%2520%2522${canary}`,
      `/scim/v2/Users?access_token=${canary}`,
    ]) {
      remember({
        path,
        response_status: 400,
        response_body: { detail: `Unexpected "${canary}".`, scimType: 'invalidFilter' },
        cause: `The filter broke at ${canary}.`,
      });
    }
    remember({ response_body: { id: '1', password: canary } });
    remember({
      request_body: { filter: `password eq "${canary}` },
      response_status: 400,
      response_body: { detail: `Unexpected "${canary}".` },
    });
    const { items } = await read('?limit=200');
    expect(items).to.have.length(bodies.length + 6);
    expect(JSON.stringify(items)).not.to.include(canary);
    expect(JSON.stringify(await w.db('scim_requests'))).not.to.include(canary);
    expect(w.logLines.join('')).not.to.include(canary);
    // What is no secret stays readable.
    expect(items.at(-1)?.request_body).to.deep.equal({ userName: 'a', password: '[redacted]' });
    const kept = items.find(({ path }) => path.endsWith('[redacted]'));
    expect(kept?.path).to.equal('/scim/v2/Users?[redacted]');
    expect(kept?.cause).to.match(/filter could not be read/);
  });

  it('is bounded, whatever is sent: size, depth, breadth, and what no column holds', async () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 5000; level += 1) deep = { deep };
    const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`name${i}`, 'x'.repeat(20)]));
    const all = () => {
      remember({ request_body: { members: Array.from({ length: 100_000 }, (_, i) => ({ value: `${i}` })) } });
      remember({ request_body: deep });
      remember({ request_body: wide });
      remember({ request_body: { photo: 'y'.repeat(10_000_000) } });
      remember({ request_body: JSON.parse('{"__proto__": {"polluted": 1}, "a": "\\u0000\\ud800"}') });
      remember({ path: `/scim/v2/Users?${'z'.repeat(1_000_000)}`, cause: 'c'.repeat(100_000) });
      remember({ resource_id: 'no-id', duration_ms: -5, method: 'M'.repeat(500) });
    };
    expect(leastCost(all, { milliseconds: 500 }).milliseconds).to.be.lessThan(500);
    const { items } = await read('?limit=7');
    expect(items).to.have.length(7);
    for (const item of items) expect(JSON.stringify(item).length).to.be.lessThan(40_000);
    const members = items.at(-1)?.request_body?.members as unknown[];
    expect(members).to.have.length(101);
    expect(members.at(-1)).to.equal('… and 99900 more');
    expect(({} as Record<string, unknown>).polluted).to.equal(undefined);
  });

  /** The same application on a database whose next writes of the recorder fail. */
  const failing = (failures: number) => {
    let left = failures;
    const db = new Proxy(w.db, {
      get: (target, name) =>
        name === 'raw' && left-- > 0
          ? () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
          : Reflect.get(target, name),
    });
    return { ...w.app, db };
  };
  const plain = (path: string) => ({
    org_id: directory.org_id,
    client_id: directory.client_id,
    request: { request_id: null, ip: null, user_agent: null },
    method: 'GET',
    path,
    response_status: 200,
  });

  it('neither delays nor fails a request when the database is gone; what does not fit is counted', async () => {
    const app = failing(Number.POSITIVE_INFINITY);
    const before = processorTime();
    for (let i = 0; i < 1500; i += 1) record(app, plain(`/scim/v2/Users/${i}`));
    expect(processorTime() - before, 'milliseconds').to.be.lessThan(500);
    const lines = w.logLines.length;
    await drainRecorder(app);
    const lost = w.logLines.slice(lines).filter((line) => line.includes('were not recorded'));
    expect(lost.reduce((sum, line) => sum + (JSON.parse(line) as { lost: number }).lost, 0)).to.equal(1500);
    expect((await read()).items).to.deep.equal([]);
  });

  it('writes what waited once the database answers again, in batches, nothing twice', async function () {
    this.timeout(10_000);
    const app = failing(2);
    for (let i = 0; i < 120; i += 1) record(app, plain(`/${i}`));
    const written = async () =>
      Number((await w.db('scim_requests').where({ org_id: directory.org_id }).count())[0]?.count);
    for (let round = 0; round < 60 && (await written()) < 120; round += 1) {
      await pause(100);
    }
    await drainRecorder(app);
    const { items } = await read('?limit=200');
    expect(items.map(({ path }) => path).reverse()).to.deep.equal(Array.from({ length: 120 }, (_, i) => `/${i}`));
  });

  it('one row that the database refuses takes no other with it, and a deleted client reads null', async () => {
    const other = await makeDirectory(w);
    remember({ path: '/one' });
    remember({ path: '/two', request: { request_id: null, ip: 'no address', user_agent: null } });
    remember({ path: '/three', client_id: crypto.randomUUID() });
    remember({ path: '/four', client_id: other.client_id });
    remember({ path: '/five', org_id: crypto.randomUUID() });
    const { items } = await read();
    expect(items.map(({ path, client_id }) => [path, client_id])).to.deep.equal([
      ['/four', null],
      ['/three', null],
      ['/one', directory.client_id],
    ]);
    await w.api('DELETE', directory.place);
    expect((await read()).items.map(({ client_id }) => client_id)).to.deep.equal([null, null, null]);
  });

  it('is read newest first, by client, status and page, by the organization itself only (AZ-04)', async () => {
    const second = await makeDirectory(w, directory.org_id);
    const elsewhere = await makeDirectory(w);
    for (const [path, response_status, client_id] of [
      ['/a', 200, directory.client_id],
      ['/b', 404, directory.client_id],
      ['/c', 409, second.client_id],
      ['/d', 503, second.client_id],
    ] as const) {
      remember({ path, response_status, client_id });
    }
    const paths = async (query: string, place = directory) => (await read(query, place)).items.map(({ path }) => path);
    expect(await paths('')).to.deep.equal(['/d', '/c', '/b', '/a']);
    expect(await paths(`?client_id=${second.client_id}`)).to.deep.equal(['/d', '/c']);
    expect(await paths('?status=404')).to.deep.equal(['/b']);
    expect(await paths('?status=4xx')).to.deep.equal(['/c', '/b']);
    expect(await paths(`?status=4xx&client_id=${directory.client_id}`)).to.deep.equal(['/b']);
    const first = await read('?limit=3');
    expect(await paths(`?limit=3&after=${first.next}`)).to.deep.equal(['/a']);
    expect(await paths('', elsewhere)).to.deep.equal([]);
    for (const query of ['?status=x', '?status=99', '?client_id=1', '?after=1', '?else=1']) {
      const refused = await w.api('GET', `/organizations/${directory.org_id}/scim-requests${query}`);
      expect([refused.status, refused.body.code], query).to.deep.equal([400, 'request_invalid']);
    }
  });

  it('drops months that are older than what is kept, and no younger ones', async () => {
    await w.db.raw(
      `create table scim_requests_2001_02 partition of scim_requests for values from ('2001-02-01') to ('2001-03-01')`,
    );
    remember({ path: '/young' });
    await drainRecorder(w.app);
    expect(recordedDays).to.be.greaterThan(7);
    expect(await expireScimRequests(w.app)).to.deep.equal(['scim_requests_2001_02']);
    expect((await read()).items.map(({ path }) => path)).to.deep.equal(['/young']);
  });
});
