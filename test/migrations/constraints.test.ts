/** What the database itself refuses, whatever the application forgets. */
import { expect } from 'chai';
import type { Knex } from 'knex';
import { newId } from '../../src/core/id.ts';
import { emptyDatabase } from '../support/database.ts';
import {
  addAuditLog,
  addCertificate,
  addDomain,
  addOrganization,
  addSamlProvider,
  addUser,
  refusal,
  verified,
} from './rows.ts';

const unique = (constraint: string) => ({ code: '23505', constraint });
const check = (constraint: string) => ({ code: '23514', constraint });

describe('constraints', () => {
  let db: Knex;
  let acme: string;
  let globex: string;

  beforeEach(async () => {
    db = (await emptyDatabase()).knex;
    acme = await addOrganization(db, 'acme');
    globex = await addOrganization(db, 'globex');
  });

  describe('accounts', () => {
    it('one e-mail is one account within its owner, in any case, and free elsewhere', async () => {
      await addUser(db, { home_org_id: acme, email: 'Ada@acme.example' });
      expect(await refusal(addUser(db, { home_org_id: acme, email: 'ada@ACME.example' }))).to.deep.equal(
        unique('users_owner_email_key'),
      );
      expect(await refusal(addUser(db, { home_org_id: globex, email: 'ada@acme.example' }))).to.equal(null);
      expect(await refusal(addUser(db, { email: 'ada@acme.example' }))).to.equal(null);
      expect(await refusal(addUser(db, { email: 'ADA@acme.example' })), 'two person-owned').to.deep.equal(
        unique('users_owner_email_key'),
      );
    });

    it('a username likewise, and it may not be the e-mail that names somebody else', async () => {
      await addUser(db, { home_org_id: acme, username: 'Ada' });
      expect(await refusal(addUser(db, { home_org_id: acme, username: 'ada' }))).to.deep.equal(
        unique('users_owner_username_key'),
      );
      await addUser(db, { home_org_id: acme, email: 'bob@acme.example' });
      expect(await refusal(addUser(db, { home_org_id: acme, username: 'BOB@acme.example' }))).to.deep.equal(
        unique('users_owner_identifier_key'),
      );
    });

    it('a deleted account frees its names; values come back as sent', async () => {
      const user_id = await addUser(db, { home_org_id: acme, email: 'Ada@Acme.example', username: 'Ada' });
      expect(await db('users').where({ user_id }).first('email', 'username')).to.deep.equal({
        email: 'Ada@Acme.example',
        username: 'Ada',
      });
      await db('users').where({ user_id }).update({ deleted_at: new Date() });
      expect(await refusal(addUser(db, { home_org_id: acme, email: 'ada@acme.example', username: 'ada' }))).to.equal(
        null,
      );
    });

    it('nameless, malformed and oversized accounts are refused', async () => {
      expect(await refusal(addUser(db, {}))).to.deep.equal(check('users_identifier_check'));
      expect(await refusal(addUser(db, { email: 'no address' }))).to.deep.equal(check('users_email_check'));
      const long = `${'a'.repeat(308)}@acme.example`;
      expect(await refusal(addUser(db, { email: long })), '321 characters').to.deep.equal(check('users_email_check'));
      expect(await refusal(addUser(db, { email: long.slice(1) })), '320 characters').to.equal(null);
    });

    it('an organization that owns accounts cannot be deleted: they would fall to whoever holds the address', async () => {
      await addUser(db, { home_org_id: acme, email: 'ada@acme.example' });
      const { code, constraint } = (await refusal(db('organizations').where({ org_id: acme }).delete())) ?? {};
      expect(code).to.match(/^(23503|23001)$/);
      expect(constraint).to.equal('users_home_org_id_fkey');
    });
  });

  describe('domains', () => {
    it('anybody may claim a domain, one may have verified it', async () => {
      await addDomain(db, { org_id: acme, ...verified });
      expect(await refusal(addDomain(db, { org_id: globex }))).to.equal(null);
      expect(await refusal(db('organization_domains').where({ org_id: globex }).update(verified))).to.deep.equal(
        unique('organization_domains_verified_key'),
      );
    });

    it('sharing takes both: one side alone neither gets in nor makes room', async () => {
      await addDomain(db, { org_id: acme, ...verified });
      const theirs = { org_id: globex, is_shared: true, ...verified };
      expect(await refusal(addDomain(db, theirs))).to.deep.equal(unique('organization_domains_verified_key'));
      await db('organization_domains').where({ org_id: acme }).update({ is_shared: true });
      expect(await refusal(addDomain(db, theirs))).to.equal(null);
      expect(
        await refusal(db('organization_domains').where({ org_id: acme }).update({ is_shared: false })),
        'taking it back',
      ).to.deep.equal(unique('organization_domains_verified_key'));
    });

    it('a verified domain says how, and domains are lower-case ASCII', async () => {
      expect(await refusal(addDomain(db, { org_id: acme, verified_at: new Date() }))).to.deep.equal(
        check('organization_domains_verified_at_check'),
      );
      for (const domain of ['Acme.example', 'acmé.example', 'acme', 'acme..example', 'acme.example.']) {
        expect(await refusal(addDomain(db, { org_id: acme, domain })), domain).to.deep.equal(
          check('organization_domains_domain_check'),
        );
      }
    });
  });

  it('a unit’s parent belongs to the same organization (MT-01)', async () => {
    const unit = (org_id: string, parent_id: string | null) => {
      const unit_id = newId();
      const row = { unit_id, org_id, parent_id, name: unit_id, path: `/${unit_id}` };
      return { unit_id, insert: () => db('organization_units').insert(row) };
    };
    const parent = unit(acme, null);
    await parent.insert();
    expect(await refusal(unit(acme, parent.unit_id).insert())).to.equal(null);
    expect(await refusal(unit(globex, parent.unit_id).insert())).to.deep.equal({
      code: '23503',
      constraint: 'organization_units_parent_id_fkey',
    });
    expect(
      await refusal(db('organizations').where({ org_id: acme }).delete()),
      'the organization goes with them',
    ).to.equal(null);
  });

  describe('certificates of identity providers', () => {
    const missing = check('identity_providers_certificate_check');

    it('an enabled saml provider without an active certificate is refused by the database', async () => {
      expect(await refusal(addSamlProvider(db, acme, true))).to.deep.equal(missing);
      expect(await db('identity_providers')).to.deep.equal([]);
      const provider_id = await addSamlProvider(db, acme, false);
      const enable = () => db('identity_providers').where({ provider_id }).update({ enabled: true });
      expect(await refusal(enable())).to.deep.equal(missing);
      await addCertificate(db, provider_id, 'pending');
      expect(await refusal(enable()), 'a pending one does not count').to.deep.equal(missing);
      await addCertificate(db, provider_id);
      expect(await refusal(enable())).to.equal(null);
    });

    it('is judged at commit, so that both come in one transaction, in any order', async () => {
      const both = db.transaction(async (transaction) => {
        const provider_id = await addSamlProvider(transaction, acme, true);
        await addCertificate(transaction, provider_id);
      });
      expect(await refusal(both)).to.equal(null);
      const alone = db.transaction((transaction) => addSamlProvider(transaction, acme, true));
      expect(await refusal(alone)).to.deep.equal(missing);
    });

    it('the last active certificate of an enabled provider neither goes, nor retires, nor moves away', async () => {
      const provider_id = await addSamlProvider(db, acme, false);
      const other_id = await addSamlProvider(db, acme, false);
      const certificate_id = await addCertificate(db, provider_id);
      await db('identity_providers').where({ provider_id }).update({ enabled: true });
      const certificate = () => db('identity_provider_certificates').where({ certificate_id });
      expect(await refusal(certificate().delete())).to.deep.equal(missing);
      expect(await refusal(certificate().update({ status: 'retired' }))).to.deep.equal(missing);
      expect(await refusal(certificate().update({ provider_id: other_id })), 'moves away').to.deep.equal(missing);
      await addCertificate(db, provider_id);
      expect(await refusal(certificate().delete()), 'rolled over').to.equal(null);
      expect(await refusal(db('identity_providers').where({ provider_id }).delete()), 'with its provider').to.equal(
        null,
      );
    });
  });

  it('what a SCIM client keeps of a resource goes with the account or group', async () => {
    const client_id = newId();
    await db('scim_clients').insert({ client_id, org_id: acme, name: 'Entra', client_secret_hash: 'h'.repeat(43) });
    const user_id = await addUser(db, { home_org_id: acme, username: 'ada' });
    const resource = (row: Record<string, unknown>) =>
      db('scim_resources').insert({ client_id, resource_type: 'User', ...row });
    await resource({ resource_id: user_id, external_id: 'e1' });
    expect(await refusal(resource({ resource_id: newId() })), 'nobody’s').to.deep.equal({
      code: '23503',
      constraint: 'scim_resources_user_id_fkey',
    });
    await db('users').where({ user_id }).delete();
    expect(await db('scim_resources')).to.deep.equal([]);
  });

  describe('audit log', () => {
    const refused = { code: '23001', constraint: 'audit_logs_append_only' };

    it('AL-03: rows are neither changed nor deleted, nor is the table emptied, whole or by partition', async () => {
      const log_id = await addAuditLog(db, { org_id: acme });
      const row = () => db('audit_logs').where({ log_id });
      expect(await refusal(row().update({ action: 'role.deleted' }))).to.deep.equal(refused);
      expect(await refusal(row().update({ details: '{}' }))).to.deep.equal(refused);
      expect(await refusal(row().update({ timestamp: new Date(0) }))).to.deep.equal(refused);
      expect(await refusal(row().delete())).to.deep.equal(refused);
      expect(await refusal(db.raw('truncate audit_logs'))).to.deep.equal(refused);
      // The partition that holds the row: the default one, or a month's where the product has already run on this database.
      const { partition } = await row().first(db.raw('tableoid::regclass::text as partition'));
      expect(await refusal(db.raw('truncate ??', [partition]))).to.deep.equal(refused);
      expect(await refusal(db.raw('delete from ??', [partition]))).to.deep.equal(refused);
      expect(await row().first('action', 'details')).to.deep.equal({
        action: 'role.created',
        details: { after: { name: 'reader' } },
      });
    });

    it('AL-03: the chain is filled once, together with nothing else, and then fixed', async () => {
      const log_id = await addAuditLog(db, { org_id: acme });
      const seal = { sequence: 1, previous_hash: 'p'.repeat(43), hash: 'h'.repeat(43) };
      const row = () => db('audit_logs').where({ log_id });
      expect(await refusal(row().update({ ...seal, result: 'failure' }))).to.deep.equal(refused);
      expect(await refusal(row().update({ ...seal, details: '{"after": {"name": "writer"}}' }))).to.deep.equal(refused);
      expect(await refusal(row().update(seal))).to.equal(null);
      expect(await refusal(row().update({ hash: 'x'.repeat(43) }))).to.deep.equal(refused);
      expect(await refusal(row().update({ sequence: null, previous_hash: null, hash: null }))).to.deep.equal(refused);
      expect(await row().first('sequence', 'hash')).to.deep.equal({ sequence: 1, hash: 'h'.repeat(43) });
    });

    it('says in words why', async () => {
      await addAuditLog(db, { org_id: acme });
      const message = await db('audit_logs')
        .delete()
        .then(
          () => '',
          (error: Error) => error.message,
        );
      expect(message).to.contain('audit_logs is append-only: DELETE is refused');
    });

    it('outlives the organization and the account that it speaks of', async () => {
      const user_id = await addUser(db, { email: 'ada@acme.example' });
      await addAuditLog(db, { org_id: acme, user_id });
      await db('users').where({ user_id }).delete();
      await db('organizations').where({ org_id: acme }).delete();
      expect(await db('audit_logs').select('org_id', 'user_id')).to.deep.equal([{ org_id: acme, user_id }]);
    });
  });
});
