/** What only several connections show: no update is lost, nobody is made twice (SC-13; issue 2 §5). PostgreSQL only. */
import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { onPostgres } from '../support/database.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, patch, USER } from './door.ts';

describe('scim: races', function () {
  this.timeout(60_000);
  let w: World;
  let d: Directory;
  before(async function () {
    if (!onPostgres) {
      process.stdout.write('  skipped: needs PostgreSQL (LINTEL_TEST_DATABASE_URL)\n');
      return this.skip();
    }
    w = await world({ environment: { LINTEL_SCIM_REQUESTS_PER_SECOND: '10000' } });
  });
  after(() => w?.close());
  beforeEach(async () => {
    d = await directory(w);
  });
  const times = <T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => work(n)));
  const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).sort();

  it('SC-13: fifty parallel additions to a group are all there, and the count is right', async () => {
    const group = await d.group('Race');
    const ids = await times(50, (n) => d.user(`r${n}@example.test`));
    const added = await times(50, (n) =>
      d.send('PATCH', `/Groups/${group}`, patch({ op: 'Add', path: 'members', value: [{ value: ids[n] }] })),
    );
    expect(new Set(statuses(added))).to.deep.equal(new Set([204]));
    const members = (await d.send('GET', `/Groups/${group}`)).body.members as JsonObject[];
    expect(members.map(({ value }) => value)).to.have.members(ids);
    const removed = await times(25, (n) =>
      d.send('PATCH', `/Groups/${group}`, patch({ op: 'remove', path: `members[value eq "${ids[n]}"]` })),
    );
    expect(new Set(statuses(removed))).to.deep.equal(new Set([204]));
    expect((await w.db('user_groups').where({ group_id: group }).first()).member_count).to.equal(25);
  });

  it('SC-13: parallel PATCHes of different attributes of one user are all there', async () => {
    const id = await d.user('many@example.test');
    const names = [
      'title',
      'nickName',
      'userType',
      'locale',
      'timezone',
      'preferredLanguage',
      'displayName',
      'name.givenName',
      'name.familyName',
      'externalId',
    ];
    const answers = await Promise.all(
      names.map((path) => d.send('PATCH', `/Users/${id}`, patch({ op: 'add', path, value: `v-${path}` }))),
    );
    expect(new Set(statuses(answers))).to.deep.equal(new Set([200]));
    const read = (await d.send('GET', `/Users/${id}`)).body;
    for (const path of names) {
      const [top = '', sub] = path.split('.');
      expect(sub ? (read[top] as JsonObject)[sub] : read[top], path).to.equal(`v-${path}`);
    }
    const versions = new Set(answers.map(({ headers }) => headers.get('etag')));
    expect(versions.size, 'ten versions').to.equal(10);
  });

  it('SC-13: of parallel writers that name the same version one wins', async () => {
    const id = await d.user('tagged@example.test');
    const tag = (await d.send('GET', `/Users/${id}`)).headers.get('etag') as string;
    const answers = await times(8, (n) =>
      d.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'title', value: `t${n}` }), { 'if-match': tag }),
    );
    expect(statuses(answers)).to.deep.equal([200, ...Array.from({ length: 7 }, () => 412)]);
  });

  it('two directories of an organization make the same user at once: one 201, one 409', async () => {
    const second = await directory(w, { orgId: d.org_id });
    for (let round = 0; round < 10; round += 1) {
      const body = {
        schemas: [USER],
        userName: `twin-${round}@example.test`,
        emails: [{ value: `twin-${round}@example.test` }],
      };
      const answers = await Promise.all([d.send('POST', '/Users', body), second.send('POST', '/Users', body)]);
      expect(statuses(answers)).to.deep.equal([201, 409]);
      const refused = answers.find(({ status }) => status === 409);
      expect(refused?.body.scimType).to.equal('uniqueness');
    }
    expect((await d.send('GET', '/Users')).body.totalResults).to.equal(10);
  });

  it('two organizations’ directories make the same person at once: two separate accounts', async () => {
    const other = await directory(w);
    const body = { schemas: [USER], userName: 'both@example.test' };
    const answers = await Promise.all([d.send('POST', '/Users', body), other.send('POST', '/Users', body)]);
    expect(statuses(answers)).to.deep.equal([201, 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).to.equal(2);
  });

  it('deleting and changing at once ends in a deleted user, and never in an error of the server', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await d.user(`gone-${round}@example.test`);
      const group = await d.group(`Gone ${round}`, [id]);
      const answers = await Promise.all([
        d.send('DELETE', `/Users/${id}`),
        d.send('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'title', value: 'x' })),
        d.send('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'active', value: false })),
        d.send('PATCH', `/Groups/${group}`, patch({ op: 'remove', path: `members[value eq "${id}"]` })),
        d.send('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: [{ value: id }] })),
        d.send('DELETE', `/Groups/${group}`),
      ]);
      for (const { status, text } of answers) expect(status, text).to.be.oneOf([200, 204, 400, 404]);
      expect((await d.send('GET', `/Users/${id}`)).status).to.equal(404);
      expect(await w.db('user_group_memberships').where({ user_id: id })).to.deep.equal([]);
    }
  });
});
