import { hash } from '@node-rs/argon2';
import { expect } from 'chai';
import type { Actor } from '../../../src/core/call.ts';
import { Fault } from '../../../src/core/fault.ts';
import { newId } from '../../../src/core/id.ts';
import { passwordHashes } from '../../../src/credentials/passwords/hash-queue.ts';
import {
  changeOwnPassword,
  preparePassword,
  setPassword,
  verifyPassword,
} from '../../../src/credentials/passwords/service.ts';
import { type World, world } from '../../support/world.ts';
import { insertOrganization, insertUser, type Person } from '../owners.ts';

const good = 'seven quiet geese cross the canal';
const other = 'eight loud swans leave the harbour';

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'accepted';
};

const personActor = ({ user_id, email }: Person): Actor => ({
  type: 'user',
  id: user_id,
  label: email,
  reach: null,
  permissions: new Set(),
});

const administrator = (org_id: string): Actor => ({
  type: 'user',
  id: newId(),
  label: 'administrator',
  reach: { org_id },
  permissions: new Set(['users.create', 'users.update']),
});

describe('credentials/passwords/service', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  const eventsOf = async (action: string, object_id: string) =>
    (await w.db('audit_logs').where({ action, object_id }).orderBy('log_id').select('details', 'org_id')) as {
      details: object;
      org_id: string | null;
    }[];

  it('SD-02: keeps Argon2id only, and the two columns of the account with it', async () => {
    const { user_id } = await insertUser(w.db);
    await setPassword(w.call(), user_id, await preparePassword(good));
    const row = await w.db('user_passwords').where({ user_id }).first('password_hash');
    expect(row.password_hash).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const user = await w.db('users').where({ user_id }).first('has_password', 'update_password_required');
    expect(user).to.deep.equal({ has_password: true, update_password_required: false });
    expect(await eventsOf('password.changed', user_id)).to.have.length(1);
    expect(JSON.stringify(await w.db('audit_logs')))
      .not.to.include(good)
      .and.not.to.include(row.password_hash);
    await setPassword(w.call(), user_id, await preparePassword(other), { must_change: true });
    expect(
      (await w.db('users').where({ user_id }).first('update_password_required')).update_password_required,
    ).to.equal(true);
  });

  it('AU-02: the NFC form is what counts, and NUL ends nothing', async () => {
    const { user_id } = await insertUser(w.db);
    await setPassword(w.call(), user_id, await preparePassword('nine gr\u00fcne g\u00e4nse am kanal\u0000a'));
    expect(await verifyPassword(w.call(), user_id, 'nine gru\u0308ne ga\u0308nse am kanal\u0000a')).to.equal(true);
    expect(await verifyPassword(w.call(), user_id, 'nine gr\u00fcne g\u00e4nse am kanal\u0000b')).to.equal(false);
    expect(await verifyPassword(w.call(), user_id, 'nine gr\u00fcne g\u00e4nse am kanal')).to.equal(false);
  });

  it('AU-07: known, unknown, without a password, malformed and too long: each costs exactly one hash', async () => {
    const { user_id } = await insertUser(w.db);
    const bare = await insertUser(w.db);
    await setPassword(w.call(), user_id, await preparePassword(good));
    const tries: [string | null, string][] = [
      [user_id, good],
      [user_id, other],
      [null, good],
      [newId(), good],
      [bare.user_id, good],
      [user_id, `${good}\ud800`],
      [user_id, 'x'.repeat(100_000)],
      [null, ''],
    ];
    const answers: boolean[] = [];
    for (const [account, password] of tries) {
      const before = passwordHashes.load.done;
      answers.push(await verifyPassword(w.call(), account, password));
      expect(passwordHashes.load.done - before, password.slice(0, 40)).to.equal(1);
    }
    expect(answers).to.deep.equal([true, false, false, false, false, false, false, false]);
  });

  it('AU-01: a hash of older parameters is replaced at the next sign-in with the right password, never at a wrong one', async () => {
    const { user_id } = await insertUser(w.db);
    await setPassword(w.call(), user_id, await preparePassword(other));
    const old = await hash(good, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    await w.db('user_passwords').where({ user_id }).update({ password_hash: old });
    expect(await verifyPassword(w.call(), user_id, 'a wrong password of some length')).to.equal(false);
    expect((await w.db('user_passwords').where({ user_id }).first('password_hash')).password_hash).to.equal(old);
    expect(await verifyPassword(w.call(), user_id, good)).to.equal(true);
    const { password_hash } = await w.db('user_passwords').where({ user_id }).first('password_hash');
    expect(password_hash).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await eventsOf('password.rehashed', user_id)).to.have.length(1);
    expect(await verifyPassword(w.call(), user_id, good)).to.equal(true);
    expect(await eventsOf('password.rehashed', user_id)).to.have.length(1);
  });

  it('AU-05: changing one’s own needs the current one; the person is told (AU-18)', async () => {
    const person = await insertUser(w.db);
    await setPassword(w.call(), person.user_id, await preparePassword(good));
    const call = () => w.call(personActor(person));
    expect(await codeOf(changeOwnPassword(call(), { current: other, next: other }))).to.equal('password_wrong');
    expect(await codeOf(changeOwnPassword(call(), { current: good, next: 'short' }))).to.equal('password_too_short');
    expect(await codeOf(changeOwnPassword(w.call(), { current: good, next: other }))).to.equal('unauthenticated');
    expect(await verifyPassword(w.call(), person.user_id, good)).to.equal(true);
    const session = newId();
    await changeOwnPassword(call(), { current: good, next: other }, { keep_session_id: session });
    expect(await verifyPassword(w.call(), person.user_id, other)).to.equal(true);
    expect(await verifyPassword(w.call(), person.user_id, good)).to.equal(false);
    const [, changed] = await eventsOf('password.changed', person.user_id);
    expect(changed?.details).to.deep.include({ replaced: true, keep_session_id: session });
    expect(await w.db('mails').where({ to_address: person.email }).select('subject')).to.deep.equal([
      { subject: 'Your password was changed' },
    ]);
  });

  it('AU-20: an administrator gives a first password, never replaces one, and none elsewhere (MT-02)', async () => {
    const [org, elsewhere] = [await insertOrganization(w.db), await insertOrganization(w.db)];
    const { user_id } = await insertUser(w.db, { home_org_id: org });
    const prepared = await preparePassword(good);
    expect(await codeOf(setPassword(w.call(administrator(elsewhere)), user_id, prepared))).to.equal('not_found');
    const powerless = { ...administrator(org), permissions: new Set(['users.read']) };
    expect(await codeOf(setPassword(w.call(powerless), user_id, prepared))).to.equal('not_allowed');
    expect(await codeOf(setPassword(w.call(administrator(org)), user_id, prepared))).to.equal('accepted');
    expect(await codeOf(setPassword(w.call(administrator(org)), user_id, prepared))).to.equal('not_allowed');
    const free = await insertUser(w.db);
    expect(await codeOf(setPassword(w.call(administrator(org)), free.user_id, prepared))).to.equal('not_allowed');
    expect(await codeOf(setPassword(w.call(), newId(), prepared))).to.equal('not_found');
    const gone = await insertUser(w.db, { deleted_at: new Date() });
    expect(await codeOf(setPassword(w.call(), gone.user_id, prepared))).to.equal('not_found');
  });
});
