import { expect } from 'chai';
import { BULK_REQUEST_URN, type BulkOperation, parseBulk, runBulk } from '../../src/scim/bulk.ts';
import { notUnique } from '../../src/scim/errors.ts';
import type { JsonObject } from '../../src/scim/json.ts';
import { ENTERPRISE } from './engine.ts';
import { expectRefusal } from './refusal.ts';

const request = (list: unknown[], more: object = {}) => ({ schemas: [BULK_REQUEST_URN], Operations: list, ...more });
const post = (bulkId: string, data: object, path = '/Users') => ({ method: 'POST', path, bulkId, data });

/** Notes what it is asked, makes ids from the names, and fails where `fails` says so. */
async function run(body: unknown, fails: (operation: BulkOperation) => boolean = () => false) {
  const asked: BulkOperation[] = [];
  let made = 0;
  const answer = await runBulk(parseBulk(body), async (operation) => {
    asked.push(structuredClone(operation));
    if (fails(operation)) throw notUnique('userName');
    const id =
      operation.method === 'POST'
        ? `id-${++made}-${(operation.data as JsonObject).userName ?? (operation.data as JsonObject).displayName}`
        : (operation.path.split('/')[2] ?? '');
    return {
      status: operation.method === 'POST' ? 201 : operation.method === 'DELETE' ? 204 : 200,
      id,
      location: `https://x/${id}`,
      version: 'W/"1"',
    };
  });
  return { asked, results: answer.Operations as JsonObject[] };
}

describe('scim/bulk', () => {
  it('runs operations and gives each its result in the order of the request', async () => {
    const { asked, results } = await run(
      request([
        { method: 'post', path: '/Users', bulkId: 'a', data: { userName: 'A' } },
        { method: 'PATCH', path: '/Users/7', version: 'W/"x"', data: {} },
        { method: 'DELETE', path: '/Groups/8' },
      ]),
    );
    expect(asked.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'POST /Users',
      'PATCH /Users/7',
      'DELETE /Groups/8',
    ]);
    expect(asked[1]?.version).to.equal('W/"x"');
    expect(results).to.deep.equal([
      { method: 'POST', status: '201', bulkId: 'a', location: 'https://x/id-1-A', version: 'W/"1"' },
      { method: 'PATCH', status: '200', location: 'https://x/7', version: 'W/"1"' },
      { method: 'DELETE', status: '204', location: 'https://x/8', version: 'W/"1"' },
    ]);
  });

  it('resolves bulkIds in data, in paths and in filters, also of operations that stand later', async () => {
    const { asked, results } = await run(
      request([
        post(
          'g',
          { displayName: 'G', members: [{ value: 'bulkId:u', $ref: '/Users/bulkId:u' }], note: 'see bulkId:u there' },
          '/Groups',
        ),
        {
          method: 'PATCH',
          path: '/Groups/bulkId:g',
          data: { Operations: [{ op: 'remove', path: 'members[value eq "bulkId:u"]' }] },
        },
        post('u', { userName: 'U' }),
      ]),
    );
    expect(asked.map(({ path }) => path)).to.deep.equal(['/Users', '/Groups', '/Groups/id-2-G']);
    expect(asked[1]?.data).to.deep.equal({
      displayName: 'G',
      members: [{ value: 'id-1-U', $ref: '/Users/id-1-U' }],
      note: 'see bulkId:u there',
    });
    expect(JSON.stringify(asked[2]?.data)).to.contain('members[value eq \\"id-1-U\\"]');
    expect(results.map(({ bulkId }) => bulkId)).to.deep.equal(['g', undefined, 'u']);
  });

  it('breaks circles: creates without the reference, then adds it (RFC 7644 §3.7.1)', async () => {
    const { asked, results } = await run(
      request([
        post('a', { displayName: 'A', members: [{ value: 'bulkId:b' }, { value: 'known' }] }, '/Groups'),
        post('b', { displayName: 'B', members: [{ value: 'bulkId:a' }] }, '/Groups'),
        post('u', { userName: 'U', [ENTERPRISE]: { department: 'D', manager: { value: 'bulkId:u' } } }),
      ]),
    );
    expect(results.map(({ status }) => status)).to.deep.equal(['201', '201', '201']);
    const created = asked.filter(({ method }) => method === 'POST').map(({ data }) => data);
    expect(created).to.deep.include({ displayName: 'A', members: [{ value: 'known' }] });
    expect(created).to.deep.include({ userName: 'U', [ENTERPRISE]: { department: 'D' } });
    const added = asked
      .filter(({ method }) => method === 'PATCH')
      .map(({ path, data }) => [path, ((data as JsonObject).Operations as JsonObject[])[0]]);
    expect(added).to.have.length(2);
    const idOf = (name: string) =>
      String(results.find(({ bulkId }) => bulkId === name)?.location)
        .split('/')
        .at(-1);
    expect(added).to.deep.include([
      `/Groups/${idOf('a')}`,
      { op: 'add', path: 'members', value: [{ value: idOf('b') }] },
    ]);
    expect(added).to.deep.include([
      `/Users/${idOf('u')}`,
      { op: 'add', path: `${ENTERPRISE}:manager`, value: { value: idOf('u') } },
    ]);
    expect(created).to.deep.include({ displayName: 'B', members: [{ value: idOf('a') }] });
  });

  it('SC-10 stops after failOnErrors failures and leaves the rest unmentioned; without it, goes on', async () => {
    const list = ['a', 'b', 'c', 'd'].map((name) => post(name, { userName: name }));
    const fails = ({ bulkId }: BulkOperation) => bulkId === 'a' || bulkId === 'c';
    const stopped = await run(request(list, { failOnErrors: 2 }), fails);
    expect(stopped.results.map(({ status }) => status)).to.deep.equal(['409', '201', '409']);
    expect(stopped.asked).to.have.length(3);
    expect(stopped.results[0]?.response).to.deep.include({ status: '409', scimType: 'uniqueness' });
    expect((await run(request(list, { failOnErrors: 1 }), fails)).results).to.have.length(1);
    expect((await run(request(list), fails)).results.map(({ status }) => status)).to.deep.equal([
      '409',
      '201',
      '409',
      '201',
    ]);
  });

  it('fails what names a bulkId that nobody makes, or whose making failed, and only that', async () => {
    const { results } = await run(
      request([
        post('g', { displayName: 'G', members: [{ value: 'bulkId:ghost' }] }, '/Groups'),
        post('h', { displayName: 'H', members: [{ value: 'bulkId:u' }] }, '/Groups'),
        post('u', { userName: 'U' }),
      ]),
      ({ bulkId }) => bulkId === 'u',
    );
    expect(results.map(({ status }) => status)).to.deep.equal(['400', '409', '409']);
  });

  it('lets a failure of the server through: a dead database is not a result', async () => {
    let failure: unknown;
    await runBulk(parseBulk(request([post('a', { userName: 'A' })])), () => Promise.reject(new Error('gone'))).catch(
      (cause) => {
        failure = cause;
      },
    );
    expect(failure).to.be.instanceOf(Error).with.property('message', 'gone');
  });

  it('SC-10 refuses requests that are none, and more than the caps', () => {
    for (const body of [
      null,
      {},
      { Operations: [] },
      request([], { schemas: ['urn:x'] }),
      { schemas: [BULK_REQUEST_URN] },
      request(['x']),
      request([{ method: 'GET', path: '/Users/1' }]),
      request([{ method: 'POST', path: '/Users', data: {} }]),
      request([{ method: 'POST', path: '/Users/1', bulkId: 'a', data: {} }]),
      request([{ method: 'DELETE', path: '/Users' }]),
      request([{ method: 'DELETE', path: 'https://evil/Users/1' }]),
      request([{ method: 'DELETE', path: '/Users/../1' }]),
      request([{ method: 'PUT', path: '/Users/1' }]),
      request([post('a', {}), post('a', {})]),
      request([post('a b', {})]),
      request([], { failOnErrors: 0 }),
      request([], { failOnErrors: 'x' }),
    ]) {
      expectRefusal(() => parseBulk(body), 400, 'invalidSyntax');
    }
    const many = Array.from({ length: 1001 }, () => ({ method: 'DELETE', path: '/Users/1' }));
    expect(expectRefusal(() => parseBulk(request(many)), 413).message).to.contain('1000');
  });
});
