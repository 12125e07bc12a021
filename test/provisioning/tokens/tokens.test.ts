import { expect } from 'chai';
import { Call } from '../../../src/core/call.ts';
import { hashSecret, newSecret } from '../../../src/core/secret.ts';
import { authenticateScim, authenticateScimToken } from '../../../src/provisioning/tokens/authenticate.ts';
import { type World, world } from '../../support/world.ts';
import { type Directory, makeDirectory } from '../directories.ts';

const minute = 60_000;

describe('provisioning/tokens', () => {
  let w: World;
  let directory: Directory;
  before(async () => {
    w = await world();
  });
  beforeEach(async () => {
    w.skew = 0;
    directory = await makeDirectory(w, undefined, { name: 'Entra' });
  });
  after(() => w.close());

  const who = (token: string) => authenticateScimToken(w.app, token);

  it('SC-12: is 256 random bits, shown once, and only its hash is kept', async () => {
    const { token, token_id, place } = directory;
    expect(token).to.match(/^ltl_scim_[\w-]{43}$/);
    const { text, status } = await w.api('GET', `${place}/tokens`);
    expect(status).to.equal(200);
    expect(text).to.include(token.slice(0, 15)).and.not.to.include(token).and.not.to.include('hash');
    const row = await w.db('scim_tokens').where({ token_id }).first();
    expect(row.token_hash).to.equal(hashSecret(token));
    await who(token);
    const kept = JSON.stringify([await w.db('scim_tokens'), await w.db('audit_logs'), w.logLines]);
    expect(kept).not.to.include(token.slice(16));
  });

  it('SC-12: several live at once; one that is revoked is refused at once, the others go on', async () => {
    const { token, token_id, place } = directory;
    const second = (await w.api('POST', `${place}/tokens`, {})).body as { token: string; token_id: string };
    expect(await who(token)).not.to.equal(null);
    expect(await who(second.token)).not.to.equal(null);
    expect((await w.api('DELETE', `${place}/tokens/${token_id}`)).status).to.equal(204);
    expect(await who(token)).to.equal(null);
    expect(await who(second.token)).not.to.equal(null);
    expect((await w.api('DELETE', `${place}/tokens/${token_id}`)).status).to.equal(204);
    const told = await w.db('audit_logs').where({ object_id: token_id }).orderBy('log_id');
    expect(told.map(({ action }) => action)).to.deep.equal(['scim_token.created', 'scim_token.revoked']);
    const { items } = (await w.api<{ items: Record<string, unknown>[] }>('GET', `${place}/tokens`)).body;
    expect(items.map(({ revoked_at }) => revoked_at !== null)).to.deep.equal([true, false]);
  });

  it('SC-12: expires to the second, and cannot be made for the past', async () => {
    const { place } = directory;
    const expires_at = new Date(Date.now() + 10 * minute).toISOString();
    const { token } = (await w.api('POST', `${place}/tokens`, { expires_at })).body as { token: string };
    w.skew = 9 * minute;
    expect(await who(token)).not.to.equal(null);
    w.skew = 10 * minute + 1;
    expect(await who(token)).to.equal(null);
    const past = await w.api('POST', `${place}/tokens`, { expires_at: '2001-01-01T00:00:00Z' });
    expect([past.status, past.body.code]).to.deep.equal([400, 'request_invalid']);
    expect(past.text).to.include('/body/expires_at');
  });

  it('gives an actor that provisions in its organization, and does nothing else', async () => {
    const found = await who(directory.token);
    expect(found?.client).to.deep.equal({
      client_id: directory.client_id,
      org_id: directory.org_id,
      name: 'Entra',
      mapping_version: 1,
    });
    expect(found?.actor).to.deep.include({
      type: 'scim_client',
      id: directory.client_id,
      label: 'scim:Entra',
      reach: { org_id: directory.org_id },
    });
    const { permissions } = found?.actor ?? {};
    expect([...(permissions as ReadonlySet<string>)].sort()).to.deep.equal([
      'groups.manage',
      'groups.read',
      'members.manage',
      'members.read',
      'users.create',
      'users.delete',
      'users.read',
      'users.update',
    ]);
    const call = Call.begin(w.app, found?.actor as never);
    expect(call.may('users.create', directory.org_id)).to.equal(true);
    expect(call.may('users.create', crypto.randomUUID())).to.equal(false);
    expect(call.may('users.create', null)).to.equal(false);
    for (const permission of ['roles.manage', 'api_keys.manage', 'identity_providers.manage', 'scim_clients.manage']) {
      expect(call.may(permission, directory.org_id), permission).to.equal(false);
    }
  });

  it('FD-03: is refused while its client or organization is switched off, expired or gone', async () => {
    const { token, place, org_id } = directory;
    const organization = (changes: object) => w.db('organizations').where({ org_id }).update(changes);
    await w.api('PATCH', place, { enabled: false });
    expect(await who(token), 'disabled').to.equal(null);
    await w.api('PATCH', place, { enabled: true });
    expect(await who(token), 'enabled again').not.to.equal(null);
    await organization({ status: 'suspended' });
    expect(await who(token), 'suspended').to.equal(null);
    await organization({ status: 'deleted', deleted_at: new Date() });
    expect(await who(token), 'deleted').to.equal(null);
    await organization({ status: 'active', deleted_at: null });
    await w.api('PATCH', place, { expires_at: new Date(Date.now() + minute).toISOString() });
    expect(await who(token), 'not yet expired').not.to.equal(null);
    w.skew = 2 * minute;
    expect(await who(token), 'expired').to.equal(null);
    w.skew = 0;
    await w.api('DELETE', place);
    expect(await who(token), 'gone').to.equal(null);
  });

  it('is one statement, whatever is wrong with it', async () => {
    await who(directory.token);
    const seen: string[] = [];
    const connection = await w.db.client.acquireConnection();
    // Of every connection: which one of the pool is used is not ours to say.
    const prototype = Object.getPrototypeOf(connection) as { query(...values: unknown[]): unknown };
    const { query } = prototype;
    await w.db.client.releaseConnection(connection);
    prototype.query = function counted(this: unknown, ...values: unknown[]) {
      seen.push(String((values[0] as { text?: string } | undefined)?.text ?? values[0]));
      return query.apply(this, values);
    };
    try {
      for (const token of [directory.token, newSecret('ltl_scim_'), directory.client_secret, 'x']) {
        seen.length = 0;
        await who(token);
        expect(seen.filter((text) => text.includes('scim_')).length, token.slice(0, 8)).to.equal(1);
      }
    } finally {
      prototype.query = query;
    }
  });

  it('what is no good token is nobody: wrong, cut, too long, of another kind', async () => {
    const { token, client_secret } = directory;
    const other = token.endsWith('A') ? 'B' : 'A';
    const bad = ['', 'x', token.slice(0, -1), `${token.slice(0, -1)}${other}`, `${token} `, client_secret, w.apiKey];
    for (const one of [...bad, 'a'.repeat(100_000), hashSecret(token), `ltl_at_${'a'.repeat(43)}`, 'ltl_at_x']) {
      expect(await authenticateScim(w.app, one), one.slice(0, 30)).to.equal(null);
    }
    expect((await authenticateScim(w.app, token))?.client.client_id).to.equal(directory.client_id);
    // Nor is it a key of the REST API.
    expect((await w.api('GET', directory.place, undefined, token)).status).to.equal(401);
  });

  it('SC-12: notes its last use, and that of its client, at most once a minute', async () => {
    const { token, token_id, client_id } = directory;
    const uses = async () => {
      const one = await w.db('scim_tokens').where({ token_id }).first('last_used_at');
      const other = await w.db('scim_clients').where({ client_id }).first('last_used_at');
      return [one.last_used_at?.getTime(), other.last_used_at?.getTime()];
    };
    expect(await uses()).to.deep.equal([undefined, undefined]);
    await Promise.all(Array.from({ length: 5 }, () => who(token)));
    const first = await uses();
    expect(first[0]).to.be.a('number');
    expect(first[1]).to.equal(first[0]);
    w.skew = 50_000;
    await who(token);
    expect(await uses()).to.deep.equal(first);
    w.skew = 61_000 + 5000;
    await who(token);
    expect((await uses())[0]).to.be.greaterThan(first[0] as number);
  });
});
