import { expect } from 'chai';
import { Call } from '../../../src/core/call.ts';
import { Fault } from '../../../src/core/fault.ts';
import { createOwnedUser, deleteOwnedUser } from '../../../src/directory/users/service.ts';
import { createGroup, deleteGroup } from '../../../src/directory/groups/service.ts';
import { countUsers, searchUsers } from '../../../src/directory/users/lookup.ts';
import {
  joinResources,
  putResource,
  readResource,
  type ResourceType,
  selectResources,
} from '../../../src/provisioning/resources/service.ts';
import { authenticateScimToken, type ScimAuthentication } from '../../../src/provisioning/tokens/authenticate.ts';
import { statementsOf } from '../../flows/statements.ts';
import { postgresOnly } from '../../support/database.ts';
import { type World, world } from '../../support/world.ts';
import { type Directory, makeDirectory } from '../directories.ts';

describe('provisioning/resources', () => {
  let w: World;
  let directory: Directory;
  let entra: ScimAuthentication;
  let call: Call;
  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    directory = await makeDirectory(w);
    entra = (await authenticateScimToken(w.app, directory.token)) as ScimAuthentication;
    call = Call.begin(w.app, entra.actor);
  });
  after(() => w.close());

  let counter = 0;
  const makeUser = async (owner: Call = call, org = directory.org_id): Promise<string> =>
    (await createOwnedUser(owner, org, { username: `user-${++counter}` })).user_id;
  const calledBy = async ({ client }: ScimAuthentication, resource_type: ResourceType, external_id: string) => {
    const row = await w.db('scim_resources').where({ client_id: client.client_id, resource_type, external_id }).first();
    return (row?.resource_id as string | undefined) ?? null;
  };
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof Fault) return error.code;
      throw error;
    }
    return 'nothing was refused';
  };

  it('keeps what was sent, and moves the version only when something differs', async () => {
    const id = await makeUser();
    const sent = { title: 'Engineer', emails: [{ type: 'work', value: 'a@b.example' }] };
    const put = (content: object, touch = false) =>
      putResource(call, entra.client, 'User', id, { external_id: 'e1', attributes: content, touch });
    expect(await put(sent)).to.deep.include({ resource_id: id, external_id: 'e1', version: 1, changed: true });
    expect(await put({ emails: sent.emails, title: 'Engineer' })).to.include({ version: 1, changed: false });
    expect(await put({ ...sent, title: 'Chief' })).to.include({ version: 2, changed: true });
    expect(await put({ ...sent, title: 'Chief' }, true)).to.include({ version: 3, changed: true });
    const read = await readResource(w.db, entra.client, 'User', id.toUpperCase());
    expect(read).to.deep.include({ external_id: 'e1', attributes: { ...sent, title: 'Chief' }, version: 3 });
    expect(await readResource(w.db, entra.client, 'Group', id)).to.equal(null);
    expect(await readResource(w.db, entra.client, 'User', 'no-id')).to.equal(null);
  });

  it('SC-03: an external id is unique per client and kind, whatever it looks like, and no key of ours', async () => {
    const [one, two] = [await makeUser(), await makeUser()];
    const put = (id: string, external_id: string | null, who = entra.client, as = call) =>
      putResource(as, who, 'User', id, { external_id, attributes: {} });
    await put(one, two);
    expect(await calledBy(entra, 'User', two)).to.equal(one);
    expect(await refusal(put(two, two))).to.equal('external_id_taken');
    await put(two, '1');
    await put(two, '1');
    const second = await makeDirectory(w, directory.org_id);
    const okta = (await authenticateScimToken(w.app, second.token)) as ScimAuthentication;
    await put(two, two, okta.client, Call.begin(w.app, okta.actor));
    expect(await calledBy(okta, 'User', two)).to.equal(two);
    expect(await calledBy(entra, 'Group', two)).to.equal(null);
    const group = await createGroup(call, directory.org_id, { name: `group-${++counter}` });
    await putResource(call, entra.client, 'Group', group.group_id, { external_id: two, attributes: {} });
    expect(await calledBy(entra, 'Group', two)).to.equal(group.group_id);
    expect(await refusal(put(one, 'x'.repeat(1025)))).to.equal('request_invalid');
  });

  it('SC-01: has nothing about what another organization owns, or about what is gone', async () => {
    const other = await makeDirectory(w);
    const theirs = await makeUser(w.call(), other.org_id);
    const gone = await makeUser();
    await deleteOwnedUser(call, directory.org_id, gone);
    const content = { external_id: null, attributes: {} };
    for (const id of [theirs, gone, crypto.randomUUID(), 'no-id']) {
      expect(await refusal(putResource(call, entra.client, 'User', id, content)), id).to.equal('not_found');
    }
    const user = await makeUser();
    expect(await refusal(putResource(call, entra.client, 'Group', user, content))).to.equal('not_found');
    const foreign = { client_id: other.client_id, org_id: other.org_id };
    expect(await refusal(putResource(call, foreign, 'User', theirs, content))).to.equal('not_found');
    expect(await w.db('scim_resources').whereIn('resource_id', [theirs, gone, user])).to.deep.equal([]);
  });

  it('is read beside a search of users in the same statement', async () => {
    const ids = [await makeUser(), await makeUser(), await makeUser()];
    for (const id of ids.slice(0, 2)) {
      await putResource(call, entra.client, 'User', id, { external_id: `x-${id}`, attributes: { nickName: id } });
    }
    const search = { joins: joinResources(entra.client, 'User'), select: selectResources, limit: 10 };
    const rows = await searchUsers<{ external_id: string | null; kept_version: number | null }>(
      w.db,
      directory.org_id,
      search,
    );
    expect(rows.map(({ external_id, kept_version }) => [external_id, kept_version])).to.deep.equal([
      [`x-${ids[0]}`, 1],
      [`x-${ids[1]}`, 1],
      [null, null],
    ]);
    const where = { sql: 'scim_resources.external_id = ?', bindings: [`x-${ids[1]}`] };
    expect(await countUsers(w.db, directory.org_id, { joins: search.joins, where })).to.equal(1);
  });

  it('goes with the user or group, so that its external id is free again', async () => {
    const first = await makeUser();
    await putResource(call, entra.client, 'User', first, { external_id: 'again', attributes: {} });
    await deleteOwnedUser(w.call(), directory.org_id, first);
    const second = await makeUser();
    await putResource(call, entra.client, 'User', second, { external_id: 'again', attributes: {} });
    expect(await calledBy(entra, 'User', 'again')).to.equal(second);
    const { group_id } = await createGroup(call, directory.org_id, { name: `group-${++counter}` });
    await putResource(call, entra.client, 'Group', group_id, { external_id: 'g', attributes: {} });
    await deleteGroup(w.call(), directory.org_id, group_id);
    expect(await calledBy(entra, 'Group', 'g')).to.equal(null);
  });

  it('creating a user takes three statements in one transaction, the audit row among them', async () => {
    const seen = await statementsOf(() =>
      call.write(async (inner) => {
        const id = await makeUser(inner);
        await putResource(inner, entra.client, 'User', id, { external_id: `e-${id}`, attributes: { nickName: 'A' } });
      }),
    );
    const own = seen.filter((text) => !/^(begin|commit)/i.test(text.trim()));
    expect(own, seen.join('\n')).to.have.length(3);
  });

  it('SC-13: counts every one of changes at the same time', async function () {
    postgresOnly(this);
    const id = await makeUser();
    const content = { external_id: null, attributes: {}, touch: true };
    await Promise.all(
      Array.from({ length: 12 }, () => putResource(Call.begin(w.app, entra.actor), entra.client, 'User', id, content)),
    );
    expect(await readResource(w.db, entra.client, 'User', id)).to.include({ version: 12 });
  });
});
