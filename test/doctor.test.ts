/**
 * `lintel doctor` on a database that has lived: clean as it is, and each invariant, broken by SQL, is named with its ids. Over 300
 * lines because it breaks every invariant of every room once.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { Sealer } from '../src/core/secret.ts';
import { connect, type Database } from '../src/db/connect.ts';
import { Browser } from '../src/demo/browser.ts';
import { openStage } from '../src/demo/stage.ts';
import { checks, type Finding, inspect } from '../src/doctor.ts';
import { patchUser, signIn } from './flows/stage.ts';
import { emptyDatabase, onPostgres, testDatabaseAddress } from './support/database.ts';

const ghost = '00000000-0000-7000-8000-000000000001';

interface Corruption {
  /** The beginning of what must hold, as doctor says it. */
  readonly holds: string;
  readonly sql: string;
  /** Query of one text that the sentence must name; asked after the corruption. */
  readonly names?: string;
}

/** Each statement may need another one's leave: constraints that would refuse it are dropped first, triggers do not run. */
const corruptions: readonly Corruption[] = [
  // database
  {
    holds: 'the partitions of this month',
    sql: "do $$ begin execute format('drop table login_attempts_%s', to_char(now() at time zone 'UTC', 'YYYY_MM')); end $$",
  },
  {
    holds: 'no row of login_attempts waits',
    sql: `insert into login_attempts_default (attempt_id, success, timestamp) select '${ghost}', false, now() - interval '400 days'`,
  },
  {
    holds: 'every index and constraint counts',
    sql: "update pg_index set indisvalid = false where indexrelid = 'users_owner_email_key'::regclass",
  },
  { holds: 'every index and constraint counts', sql: 'alter table audit_logs disable trigger audit_logs_append_only' },
  // http
  {
    holds: 'an answer is kept whole',
    sql: `insert into idempotency_keys (actor_key, key, route, request_hash, status, expires_at) values ('a', 'half', 'r', repeat('h', 43), 'pending', now())`,
    names: "select 'half'",
  },
  {
    holds: 'what is sealed in idempotency_keys opens',
    sql: `insert into idempotency_keys (actor_key, key, route, request_hash, status, reply, expires_at) values ('a', 'k', 'r', repeat('h', 43), 'done', 'v1.00000000.a.b', now())`,
  },
  // directory
  {
    holds: 'within an owner, no two accounts have one e-mail',
    sql: 'drop index users_owner_email_key; drop index users_owner_identifier_key; update users set email = (select min(email) from users)',
    names: 'select user_id from users limit 1',
  },
  {
    holds: 'within an owner, no two accounts have one username',
    sql: "drop index users_owner_username_key; drop index users_owner_identifier_key; update users set username = 'same'",
    names: 'select user_id from users limit 1',
  },
  {
    holds: 'an account that an organization owns is a member there',
    sql: 'delete from user_organization_info where user_id = (select user_id from users where home_org_id is not null order by user_id limit 1)',
    names: 'select user_id from users where home_org_id is not null order by user_id limit 1',
  },
  {
    holds: 'a deleted account is a member of nothing',
    sql: 'update users set deleted_at = now() where home_org_id is not null',
    names: 'select user_id from user_organization_info limit 1',
  },
  {
    holds: 'memberships have the name of their organization',
    sql: "update user_organization_info set url_safe_org_name = 'elsewhere'",
  },
  {
    holds: 'groups know how many members they have',
    sql: 'update user_groups set member_count = member_count + 1',
    names: 'select group_id from user_groups limit 1',
  },
  {
    holds: 'members of a group are members',
    sql: 'delete from user_organization_info where user_id in (select user_id from user_group_memberships)',
    names: 'select group_id from user_groups limit 1',
  },
  {
    holds: 'groups and units stand in units of their own',
    sql: `insert into organization_units (unit_id, org_id, name, path, level) select '${ghost}', o.org_id, 'x', 'x', 0 from organizations o where not exists (select from user_groups g where g.org_id = o.org_id) limit 1; update user_groups set unit_id = '${ghost}'`,
    names: `select '${ghost}'`,
  },
  {
    holds: 'a verified domain belongs to one organization',
    sql: `drop index organization_domains_verified_key; insert into organization_domains (domain, org_id, verification_token, verified_at, verified_by) select d.domain, o.org_id, 'another token of it', now(), 'dns' from organization_domains d, organizations o where o.org_id <> d.org_id limit 1`,
    names: 'select domain from organization_domains limit 1',
  },
  // access
  {
    holds: 'what members have is what their roles',
    sql: "update user_organization_info set user_permissions = array_append(user_permissions, 'users.delete') where user_id = (select max(user_id::text)::uuid from user_organization_info)",
    names: 'select max(user_id::text) from user_organization_info',
  },
  {
    holds: 'what members have is what their roles',
    sql: 'delete from group_roles',
    names: 'select org_id from user_groups limit 1',
  },
  {
    holds: 'what has ended is taken from memberships',
    sql: "update user_organization_info set access_valid_until = now() - interval '1 hour'",
  },
  {
    holds: 'no role inherits from itself',
    sql: 'insert into role_inheritance (role_id, parent_role_id) select a.role_id, b.role_id from roles a, roles b where a.org_id is null and b.org_id is null and a.role_id <> b.role_id on conflict do nothing',
    names: 'select role_id from roles where org_id is null limit 1',
  },
  {
    holds: 'roles, parents and permissions belong together',
    sql: `update roles set org_id = (select o.org_id from organizations o where o.org_id <> roles.org_id limit 1) where org_id is not null`,
    names: 'select role_id from roles where org_id is not null limit 1',
  },
  {
    holds: 'roles are given to members only',
    sql: `insert into user_roles (user_role_id, user_id, role_id, org_id) select '${ghost}', u.user_id, r.role_id, o.org_id from users u, roles r, organizations o where r.org_id is null and not exists (select from user_organization_info m where m.user_id = u.user_id and m.org_id = o.org_id) limit 1`,
  },
  {
    holds: 'an organization that has owners has one',
    sql: "update users set enabled = false where user_id in (select ur.user_id from user_roles ur join roles r using (role_id) where r.name = 'owner')",
    names: "select ur.org_id from user_roles ur join roles r using (role_id) where r.name = 'owner' limit 1",
  },
  {
    holds: 'somebody administers the system',
    sql: 'update user_roles set is_active = false where org_id is null',
    names: 'select user_id from user_roles where org_id is null limit 1',
  },
  // credentials
  {
    holds: 'an API key says since when',
    sql: 'alter table api_keys drop constraint api_keys_revoked_at_check; update api_keys set revoked = true',
    names: 'select api_key_id from api_keys limit 1',
  },
  {
    holds: 'who is not there has no API key',
    sql: `update api_keys set service_account_id = null, user_id = (select user_id from users limit 1); update users set enabled = false`,
    names: 'select api_key_id from api_keys limit 1',
  },
  {
    holds: 'a key of an organization’s service account belongs',
    sql: 'update service_accounts set org_id = (select org_id from organizations limit 1)',
    names: 'select service_account_id from api_keys limit 1',
  },
  {
    holds: 'accounts know whether they have a password',
    sql: 'update users set has_password = not has_password',
    names: 'select user_id from users limit 1',
  },
  // notifications
  {
    holds: 'a mail that was sent is done',
    sql: `insert into mails (mail_id, to_address, subject, text, sent_at, claimed_until) values ('${ghost}', 'a@b', 's', 't', now(), now())`,
    names: `select '${ghost}'`,
  },
  {
    holds: 'no mail was given up',
    sql: `insert into mails (mail_id, to_address, subject, text, attempts, error) values ('${ghost}', 'a@b', 's', 't', 12, 'refused')`,
    names: `select '${ghost}'`,
  },
  // applications
  {
    holds: 'what was issued from a code means',
    sql: "update oidc_artifacts set consumed_at = null where kind = 'AuthorizationCode'",
    names: "select family_id from oidc_artifacts where kind = 'AuthorizationCode' limit 1",
  },
  {
    holds: 'a refresh token has at most one successor',
    sql: 'insert into oidc_refresh_tokens (id_hash, grant_id, family_id, payload, expires_at) select reverse(id_hash) , grant_id, family_id, payload, expires_at from oidc_refresh_tokens where consumed_at is null',
    names: 'select family_id from oidc_refresh_tokens where consumed_at is null limit 1',
  },
  {
    holds: 'a family belongs to one grant',
    sql: 'update oidc_refresh_tokens set family_id = (select family_id from oidc_refresh_tokens limit 1)',
    names: 'select family_id from oidc_refresh_tokens limit 1',
  },
  {
    holds: 'nothing is issued from a grant that was revoked',
    sql: "update oidc_grants set revoked_at = created_at - interval '1 day'",
    names: 'select grant_id from oidc_refresh_tokens limit 1',
  },
  {
    holds: 'an access token is of its grant',
    sql: 'update oidc_access_tokens t set client_id = c.client_id from oidc_clients c where t.grant_id is not null and c.client_id <> t.client_id',
    names: 'select grant_id from oidc_access_tokens where grant_id is not null limit 1',
  },
  {
    holds: 'tokens belong to a grant that is there',
    sql: 'delete from oidc_grants',
    names: 'select grant_id from oidc_refresh_tokens limit 1',
  },
  {
    holds: 'who is not there has no refresh token',
    sql: "update oidc_grants set dead_families = '{}'; update users set enabled = false",
    names: 'select family_id from oidc_refresh_tokens where consumed_at is null limit 1',
  },
  {
    holds: 'each algorithm has one key that signs',
    sql: "update signing_keys set state = 'retired', retired_at = now() where alg = 'ES256'",
    names: "select 'ES256'",
  },
  {
    holds: 'what is sealed in signing_keys opens',
    sql: "update signing_keys set private_jwk_encrypted = (select private_jwk_encrypted from signing_keys where alg = 'RS256' limit 1)",
    names: "select kid from signing_keys where alg = 'ES256' limit 1",
  },
  {
    holds: 'what is sealed in oidc_artifacts opens',
    sql: `insert into oidc_artifacts (id_hash, kind, payload, expires_at) values (repeat('i', 43), 'Interaction', '{"sealed": "v1.x.y.z"}', now())`,
    names: "select repeat('i', 43)",
  },
  {
    holds: 'what is sealed in oidc_sessions opens',
    sql: `update oidc_sessions set payload = payload || '{"state": "v1.x.y.z"}'`,
    names: 'select uid from oidc_sessions limit 1',
  },
  // federation
  {
    holds: 'an enabled SAML connection has a certificate',
    sql: 'delete from identity_provider_certificates',
    names: 'select provider_id from identity_providers limit 1',
  },
  {
    holds: 'what was asked or handed over ends',
    sql: `insert into saml_requests (request_id, provider_id, expires_at) select '_0123456789abcdef', provider_id, now() - interval '1 day' from identity_providers limit 1`,
    names: "select '_0123456789abcdef'",
  },
  {
    holds: 'what is sealed in saml_keys opens',
    sql: "update saml_keys set private_key_encrypted = overlay(private_key_encrypted placing 'AAAAAAAAAA' from 60)",
    names: 'select key_id from saml_keys limit 1',
  },
  {
    holds: 'what is sealed in saml_requests opens',
    sql: `insert into saml_requests (request_id, provider_id, expires_at, return_to_encrypted) select '_0123456789abcdef', provider_id, now(), 'v1.x.y.z' from identity_providers limit 1`,
    names: "select '_0123456789abcdef'",
  },
  {
    holds: 'what is sealed in federation_handoffs opens',
    sql: `insert into federation_handoffs (code_hash, provider_id, user_id, result_encrypted, expires_at) select repeat('h', 43), provider_id, user_id, 'v1.x.y.z', now() from identity_providers, users limit 1`,
  },
  // signin
  {
    holds: 'a session says since when',
    sql: 'alter table sessions drop constraint sessions_revoked_at_check; update sessions set revoked = not revoked',
    names: 'select session_id from sessions limit 1',
  },
  {
    holds: 'who is not there is not signed in',
    sql: 'update sessions set revoked = false, revoked_at = null, revocation_reason = null; update users set enabled = false',
    names: 'select session_id from sessions limit 1',
  },
  {
    holds: 'a session and its cookie are of one person',
    sql: 'update oidc_sessions p set user_id = u.user_id from users u where p.session_id is not null and u.user_id <> p.user_id',
    names: 'select uid from oidc_sessions where session_id is not null limit 1',
  },
  {
    holds: 'a set-up link that was used',
    sql: "delete from user_roles; insert into setup_links (token_hash, expires_at, used_at) values (repeat('h', 43), now(), now())",
  },
  {
    holds: 'what is sealed in sessions opens',
    sql: "update sessions set name_id_encrypted = 'v1.x.y.z'",
    names: 'select session_id from sessions limit 1',
  },
  {
    holds: 'what is sealed in signin_attempts opens',
    sql: `insert into signin_attempts (attempt_id, state, expires_at) values (repeat('a', 43), '{"identifier": "v1.x.y.z"}', now())`,
    names: "select repeat('a', 43)",
  },
  // provisioning
  {
    holds: 'what a SCIM client manages is there',
    sql: 'update user_groups set deleted_at = now()',
    names: 'select group_id from user_groups limit 1',
  },
  {
    holds: 'what a SCIM client manages is there',
    sql: 'delete from users',
    names: "select resource_id from scim_resources where resource_type = 'User' limit 1",
  },
  {
    holds: 'a SCIM client manages what its organization has',
    sql: 'update users set home_org_id = null; delete from user_organization_info',
    names: 'select client_id from scim_resources limit 1',
  },
  {
    holds: 'an external id names one thing',
    sql: "alter table scim_resources drop constraint scim_resources_client_id_external_id_key; update scim_resources set external_id = 'one'",
    names: "select resource_id from scim_resources where resource_type = 'User' limit 1",
  },
  // events
  { holds: 'no two events have one number', sql: 'update audit_logs set sequence = 7' },
  {
    holds: 'the log does not go beyond its chain',
    sql: 'update audit_logs set sequence = 7 where log_id = (select log_id from audit_logs limit 1)',
  },
  {
    holds: 'no event lies in the future',
    sql: `insert into audit_logs (log_id, action, object_type, actor_type, timestamp) values ('${ghost}', 'a.b', 'a', 'system', now() + interval '1 hour')`,
    names: `select '${ghost}'`,
  },
  ...Object.entries({
    organizations: 'organization',
    users: 'user',
    user_groups: 'group',
    organization_units: 'unit',
    organization_domains: 'domain',
    user_organization_info: 'membership',
    roles: 'role',
    permissions: 'permission',
    user_roles: 'grant',
    api_keys: 'api_key',
    service_accounts: 'service_account',
    oidc_clients: 'application',
    signing_keys: 'signing_key',
    identity_providers: 'identity_provider',
    saml_keys: 'saml_key',
    sessions: 'session',
    scim_clients: 'scim_client',
    scim_tokens: 'scim_token',
  }).map(([table, kind]) => ({
    holds: `what was made in ${table} is in the audit log`,
    sql: `delete from audit_logs where object_type = '${kind}'`,
  })),
];

class Undone extends Error {}

describe('doctor', function () {
  this.timeout(180_000);
  const key = randomBytes(32).toString('base64');
  let database: Database;
  let home: string;

  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'lintel-doctor-'));
    if (onPostgres) await emptyDatabase();
    const address = onPostgres ? await testDatabaseAddress() : `pglite:${home}/db`;
    const settings = { LINTEL_DATABASE_URL: address, LINTEL_KEY: key };
    const stage = await openStage({ lintel: 0, application: 0, identityProvider: 0 }, () => undefined, settings);
    try {
      for (const name of ['ada', 'grace', 'edsger']) await signIn(stage, new Browser(), name);
      await patchUser(stage, 'edsger', { active: false });
      const { org_id } = await stage.rest<{ org_id: string }>('POST', '/organizations', { org_name: 'Other Ltd' });
      const owner = await stage.rest<{ user_id: string }>('POST', '/users', {
        email: 'owner@other.example',
        password: 'a wholly different story',
      });
      await stage.rest('PUT', `/organizations/${org_id}/members/${owner.user_id}`, { role: 'owner' });
      await stage.rest('PUT', `/administrators/${owner.user_id}`, {}).catch(() => undefined);
      await stage.rest('POST', `/organizations/${stage.orgId}/units`, { name: 'Stock' });
      await stage.rest('POST', `/organizations/${stage.orgId}/service-accounts`, { name: 'robot', permissions: [] });
    } finally {
      await stage.close();
    }
    database = await connect(address, { pool: 2 });
    // The log is asked about what is a minute younger than it.
    await database.knex.transaction(async (transaction) => {
      await transaction.raw('set local session_replication_role = replica');
      await transaction.raw(
        "update audit_logs set timestamp = timestamp - interval '5 minutes' where log_id = (select min(log_id::text)::uuid from audit_logs)",
      );
    });
  });
  after(async () => {
    await database?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const examineNow = (knex: Knex = database.knex, sealingKey = key): Promise<Finding[]> =>
    inspect(knex, { now: new Date(), sealer: new Sealer([sealingKey]) });

  it('finds nothing on a database that has lived', async () => {
    expect(await examineNow()).to.deep.equal([]);
  });

  it('SD-05: says that another sealing key opens nothing', async () => {
    const found = await examineNow(database.knex, randomBytes(32).toString('base64'));
    expect(found.map(({ holds }) => holds)).to.include('what is sealed in signing_keys opens');
  });

  it('SD-05: says once for each kind of thing that a key is missing, with how many it would open', async () => {
    const rows = Number((await database.knex('signing_keys').count())[0]?.count);
    expect(rows, 'several, or nothing is shown').to.be.above(1);
    const found = await examineNow(database.knex, randomBytes(32).toString('base64'));
    const kinds = found.map(({ holds }) => holds);
    expect(kinds).to.deep.equal([...new Set(kinds)]);
    const says = found.find(({ holds }) => holds === 'what is sealed in signing_keys opens')?.says;
    expect(says).to.match(new RegExp(`^private_jwk_encrypted of ${rows} rows, \\S+ among them, does not open: `));
    expect(says).to.include(`sealed under the key ${new Sealer([key]).ids[0]}, and the key is `);
  });

  it('cannot write', async () => {
    const refused = await database.knex
      .transaction((transaction) => transaction('users').update({ bio: 'x' }), { readOnly: true })
      .catch((error: { code?: string }) => error.code);
    expect(refused).to.equal('25006');
    const before = await database.knex('audit_logs').count('* as count');
    await examineNow();
    expect(await database.knex('audit_logs').count('* as count')).to.deep.equal(before);
  });

  it('RE-20: has a corruption here for everything that it looks at', () => {
    const all = Object.values(checks).flat();
    const unbroken = all.filter(({ holds }) => !corruptions.some((one) => holds.startsWith(one.holds)));
    // The tables of one list differ in their names only.
    expect(
      unbroken.map(({ holds }) => holds).filter((holds) => !holds.includes('waits for its partition')),
    ).to.deep.equal([]);
  });

  for (const { holds, sql, names } of corruptions) {
    it(`RE-20: names it when this no longer holds: ${holds} (${sql.slice(0, 50)})`, async () => {
      let findings: Finding[] = [];
      let named: string | undefined;
      await database.knex
        .transaction(async (transaction) => {
          await transaction.raw('set local session_replication_role = replica');
          await transaction.raw(sql);
          if (names) named = String(Object.values((await transaction.raw(names)).rows[0])[0]);
          findings = await examineNow(transaction);
          throw new Undone();
        })
        .catch((error: unknown) => {
          if (!(error instanceof Undone)) throw error;
        });
      const found = findings.filter((finding) => finding.holds.startsWith(holds));
      expect(
        found.map(({ says }) => says),
        JSON.stringify(findings),
      ).not.to.deep.equal([]);
      expect(
        found.every(({ says }) => !says.includes('could not be looked at')),
        JSON.stringify(found),
      ).to.equal(true);
      if (named !== undefined) expect(found.map(({ says }) => says).join('\n')).to.include(named);
    });
  }
});
