import { expect } from 'chai';
import { setMember } from '../../../src/access/grants/service.ts';
import { createGroup } from '../../../src/directory/groups/service.ts';
import { changeMembers } from '../../../src/directory/groups/members.ts';
import { addMember, findMembership, membershipsOf } from '../../../src/directory/memberships/service.ts';
import {
  createOwnedUser,
  createPersonalUser,
  deleteAnyUser,
  deleteOwnedUser,
  findOwnedUser,
  findUser,
  listAllUsers,
  listOwnedUsers,
  readAnyUser,
  readOwnedUser,
  updateAnyUser,
  updateOwnedUser,
} from '../../../src/directory/users/service.ts';
import type { User } from '../../../src/directory/users/schema.ts';
import { verifyAccess } from '../../access/invariant.ts';
import { statementsOf } from '../../flows/statements.ts';
import { type World, world } from '../../support/world.ts';
import { codeOf, countEvents, makeActor, makeOrganization, makeOwned, makePersonal, unique } from '../cast.ts';

describe('directory/users', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  it('makes an owned account a member of its organization, in two statements', async () => {
    const org = await makeOrganization(w);
    const input = { email: `${unique()}@x.example`, first_name: 'Ann' };
    const made: User[] = [];
    const statements = await statementsOf(async () => {
      made.push(await createOwnedUser(w.call(), org.org_id, input));
    });
    const [user] = made as [User];
    expect(statements.filter((sql) => !/^(begin|commit)/i.test(sql))).to.have.length(2);
    expect(user).to.include({ home_org_id: org.org_id, first_name: 'Ann', enabled: true, email_confirmed: false });
    expect(await findMembership(w.db, org.org_id, user.user_id)).to.deep.include({
      status: 'active',
      user_role: null,
      user_permissions: [],
    });
    expect(await countEvents(w, 'user.created', user.user_id)).to.equal(1);
  });

  it('has e-mails and usernames once per owner, whatever their case; owners do not know of one another (MT-03)', async () => {
    const [a, b] = [await makeOrganization(w), await makeOrganization(w)];
    const email = `${unique()}@x.example`;
    await makeOwned(w, a, { email, username: 'ann' });
    expect(await codeOf(makeOwned(w, a, { email: email.toUpperCase() }))).to.equal('email_taken');
    expect(await codeOf(makeOwned(w, a, { username: 'ANN' }))).to.equal('username_taken');
    // What one is called as a username, another cannot be called as an address that stands for it.
    await makeOwned(w, a, { email: `${unique()}@x.example`, username: `z-${email}` });
    expect(await codeOf(createOwnedUser(w.call(), a.org_id, { email: `z-${email}` }))).to.equal('username_taken');
    expect((await makeOwned(w, b, { email, username: 'ann' })).home_org_id).to.equal(b.org_id);
    expect((await makePersonal(w, { email })).home_org_id).to.equal(null);
    expect(await codeOf(makePersonal(w, { email }))).to.equal('email_taken');
    expect(await codeOf(createOwnedUser(w.call(), a.org_id, { first_name: 'Nobody' }))).to.equal('identifier_missing');
  });

  it('creates one account when two directories create it at once', async () => {
    const org = await makeOrganization(w);
    const email = `${unique()}@x.example`;
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () =>
        createOwnedUser(w.call(), org.org_id, { email }).then(
          () => 'made',
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'made')).to.have.length(1);
    expect(outcomes.filter((outcome) => outcome === 'email_taken')).to.have.length(9);
  });

  it('makes nobody where there is no organization', async () => {
    expect(await codeOf(makeOwned(w, { org_id: '01a1fd81-0000-7000-8000-000000000000' }))).to.equal('not_found');
    const [row] = await w.db('users').whereNull('home_org_id').where({ first_name: 'Nobody' }).count('* as n');
    expect(Number(row?.n)).to.equal(0);
  });

  it('writes and says only what differs', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org, { first_name: 'Ann', properties: { a: [1, { b: 2 }] } });
    const same = await updateOwnedUser(w.call(), org.org_id, user.user_id, {
      first_name: 'Ann ',
      properties: { a: [1, { b: 2 }] },
      enabled: true,
    });
    expect(same.changed).to.deep.equal([]);
    expect(same.after.updated_at).to.deep.equal(user.updated_at);
    expect(await countEvents(w, 'user.updated', user.user_id)).to.equal(0);

    const change = await updateOwnedUser(w.call(), org.org_id, user.user_id, { first_name: '', bio: 'Hi\nthere' });
    expect(change.changed).to.have.members(['first_name', 'bio']);
    expect(change.before.first_name).to.equal('Ann');
    expect(change.after).to.include({ first_name: null, bio: 'Hi\nthere' });
    const row = await w.db('audit_logs').where({ action: 'user.updated', object_id: user.user_id }).first('details');
    expect(row?.details).to.deep.include({ before: { first_name: 'Ann', bio: null } });
  });

  it('says enabling and locking by events of their own', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const change = (columns: object) => updateOwnedUser(w.call(), org.org_id, user.user_id, columns);
    expect((await change({ enabled: false })).changed).to.deep.equal(['enabled']);
    expect((await change({ enabled: false })).changed).to.deep.equal([]);
    await change({ enabled: true, last_name: 'Lee' });
    expect((await change({ locked: true })).changed).to.deep.equal(['locked']);
    expect((await change({ locked: false })).changed).to.deep.equal(['locked']);
    for (const name of ['disabled', 'enabled', 'updated', 'locked', 'unlocked']) {
      expect(await countEvents(w, `user.${name}`, user.user_id), name).to.equal(1);
    }
  });

  it('WB-13, WB-14: refuses hostile names, pictures that are no web address, and what is too long', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const change = (columns: object) => codeOf(updateOwnedUser(w.call(), org.org_id, user.user_id, columns));
    expect(await change({ first_name: 'Ann\u202Ecod' })).to.equal('request_invalid');
    expect(await change({ last_name: 'Lee\r\nBcc: x' })).to.equal('request_invalid');
    expect(await change({ picture_url: 'javascript:alert(1)' })).to.equal('request_invalid');
    expect(await change({ first_name: 'x'.repeat(257) })).to.equal('request_invalid');
    // Names of people are names: joiners, marks and every script.
    const { after } = await updateOwnedUser(w.call(), org.org_id, user.user_id, { first_name: 'نرگس\u200cخانم' });
    expect(after.first_name).to.equal('نرگس\u200cخانم');
  });

  it('SC-05, MT-02: accounts of another owner are not there', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const { call } = await makeActor(w, mine, 'owner');
    const foreign = await makeOwned(w, theirs);
    const personal = await makePersonal(w);
    // A guest is read as a member, but neither read nor changed as an account.
    const guest = await makePersonal(w);
    await addMember(w.call(), mine.org_id, guest.user_id);
    for (const { user_id } of [foreign, personal, guest]) {
      expect(await codeOf(readOwnedUser(call, mine.org_id, user_id))).to.equal('not_found');
      expect(await codeOf(updateOwnedUser(call, mine.org_id, user_id, { first_name: 'X' }))).to.equal('not_found');
      expect(await codeOf(deleteOwnedUser(call, mine.org_id, user_id))).to.equal('not_found');
      expect(await findOwnedUser(w.db, mine.org_id, user_id)).to.equal(null);
    }
    expect(await codeOf(readOwnedUser(call, theirs.org_id, foreign.user_id))).to.equal('not_found');
    expect(await codeOf(readAnyUser(call, foreign.user_id))).to.equal('not_allowed');
    expect(await codeOf(deleteAnyUser(call, foreign.user_id))).to.equal('not_allowed');
    expect((await listOwnedUsers(call, mine.org_id, {})).items.map(({ home_org_id }) => home_org_id)).to.deep.equal([
      mine.org_id,
    ]);
    expect((await findUser(w.db, foreign.user_id))?.first_name).to.equal(null);
  });

  it('AZ-05: an administrator gives no new address to an owner, who could be taken over by it', async () => {
    const org = await makeOrganization(w);
    const owner = await makeActor(w, org, 'owner');
    const admin = await makeActor(w, org, 'admin');
    const change = (columns: object) => updateOwnedUser(admin.call, org.org_id, owner.user.user_id, columns);
    expect(await codeOf(change({ email: `${unique()}@evil.example` }))).to.equal('not_allowed');
    expect(await codeOf(change({ username: `u${unique()}` }))).to.equal('not_allowed');
    expect((await change({ first_name: 'Fine' })).changed).to.deep.equal(['first_name']);
    const own = updateOwnedUser(admin.call, org.org_id, admin.user.user_id, { email: `${unique()}@x.example` });
    expect((await own).changed).to.include('email');
  });

  it('TK-11: deletes softly: nothing is left of it, the names are free, the id is not', async () => {
    const org = await makeOrganization(w);
    const other = await makeOrganization(w);
    const email = `${unique()}@x.example`;
    const user = await makeOwned(w, org, { email, username: 'ann' });
    const group = await createGroup(w.call(), org.org_id, { name: 'Staff' });
    await setMember(w.call(), other.org_id, user.user_id, { role: 'admin' });
    await changeMembers(w.call(), org.org_id, group.group_id, { add: [user.user_id] });
    await deleteOwnedUser(w.call(), org.org_id, user.user_id);
    expect(await findUser(w.db, user.user_id)).to.equal(null);
    expect(await membershipsOf(w.db, user.user_id)).to.deep.equal([]);
    expect(await w.db('user_roles').where({ user_id: user.user_id })).to.deep.equal([]);
    expect(
      (await w.db('user_groups').where({ group_id: group.group_id }).first('member_count'))?.member_count,
    ).to.equal(0);
    expect(await codeOf(deleteOwnedUser(w.call(), org.org_id, user.user_id))).to.equal('not_found');
    const again = await makeOwned(w, org, { email, username: 'ann' });
    expect(again.user_id).not.to.equal(user.user_id);
    expect(await countEvents(w, 'user.deleted', user.user_id)).to.equal(1);
  });

  it('confirms a person’s new address only when the system’s administrator says so', async () => {
    const person = await createPersonalUser(w.call(), { email: `${unique()}@x.example`, email_confirmed: true });
    expect(person.email_confirmed).to.equal(true);
    const moved = await updateAnyUser(w.call(), person.user_id, { email: `${unique()}@x.example` });
    expect(moved.after.email_confirmed).to.equal(false);
    const org = await makeOrganization(w);
    const owned = await makeOwned(w, org, { email_confirmed: true });
    expect(owned.email_confirmed, 'an organization cannot').to.equal(false);
  });

  it('lists by keyset, and finds by name', async () => {
    const org = await makeOrganization(w);
    const users = [];
    for (let i = 0; i < 5; i += 1) users.push(await makeOwned(w, org, { username: `u${i}` }));
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await listOwnedUsers(w.call(), org.org_id, { limit: 2, after });
      seen.push(...page.items.map(({ user_id }) => user_id));
      if (page.next === null) break;
      after = page.next;
    }
    expect(seen).to.deep.equal(users.map(({ user_id }) => user_id));
    const found = await listAllUsers(w.call(), { email: users[3]?.email?.toUpperCase() });
    expect(found.items.map(({ username }) => username)).to.deep.equal(['u3']);
  });
});
