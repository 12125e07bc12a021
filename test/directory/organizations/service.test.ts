import { expect } from 'chai';
import { Call } from '../../../src/core/call.ts';
import { addDomain, verifyDomain } from '../../../src/directory/domains/service.ts';
import { findMembership } from '../../../src/directory/memberships/service.ts';
import {
  activateOrganization,
  createOrganization,
  deleteOrganization,
  findOrganization,
  listOrganizations,
  readOrganization,
  suspendOrganization,
  updateOrganization,
} from '../../../src/directory/organizations/service.ts';
import { reservedSlugs } from '../../../src/directory/organizations/slugs.ts';
import { updateAnyUser } from '../../../src/directory/users/service.ts';
import { verifyAccess } from '../../access/invariant.ts';
import { type World, world } from '../../support/world.ts';
import { codeOf, countEvents, makeActor, makeOrganization, makeOwned, makePersonal, unique } from '../cast.ts';

describe('directory/organizations', () => {
  let w: World;

  before(async () => {
    w = await world();
  });
  after(async () => {
    await verifyAccess(w.db, w.app.clock());
    await w.close();
  });

  it('makes a slug from the name, and another one when it is taken', async () => {
    const name = `Ärger & Söhne ${unique()}`;
    const first = await createOrganization(w.call(), { org_name: ` ${name} ` });
    const second = await createOrganization(w.call(), { org_name: name });
    expect(first.org_name).to.equal(name);
    expect(first.slug).to.match(/^arger-sohne-[0-9a-f]{10}$/);
    expect(second.slug).to.equal(`${first.slug}-2`);
    expect((await createOrganization(w.call(), { org_name: '株式会社' })).slug).to.match(/^organization/);
    expect(await countEvents(w, 'organization.created', first.org_id)).to.equal(1);
  });

  it('keeps words of its own addresses for itself', async () => {
    for (const slug of ['oauth', 'scim', 'admin', 'console']) {
      expect(reservedSlugs.has(slug), slug).to.equal(true);
      expect(await codeOf(createOrganization(w.call(), { org_name: 'X', slug })), slug).to.equal('slug_reserved');
    }
    expect((await createOrganization(w.call(), { org_name: 'Admin' })).slug).not.to.equal('admin');
  });

  it('gives a slug to one organization, also under twelve hands', async () => {
    const slug = `s-${unique()}`;
    const codes = await Promise.all(
      Array.from({ length: 12 }, () =>
        createOrganization(w.call(), { org_name: 'X', slug }).then(
          () => 'made',
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(codes.filter((code) => code === 'made')).to.have.length(1);
    expect(codes.filter((code) => code === 'slug_taken')).to.have.length(11);
  });

  it('WB-13: refuses names that deceive a reader', async () => {
    for (const org_name of ['Acme\u202Egnp', 'Acme\u0007', 'Acme\u2028Inc', '\u200B', '   ', 'Acme\u{E0041}']) {
      expect(await codeOf(createOrganization(w.call(), { org_name })), JSON.stringify(org_name)).to.equal(
        'request_invalid',
      );
    }
    expect(await codeOf(createOrganization(w.call(), { org_name: 'X', logo_url: 'javascript:alert(1)' }))).to.equal(
      'request_invalid',
    );
  });

  it('lets a person with can_create_orgs create one, who then owns it', async () => {
    const home = await makeOrganization(w);
    const { user, call } = await makeActor(w, home, 'member');
    expect(await codeOf(createOrganization(call, { org_name: 'Mine' }))).to.equal('not_allowed');
    await updateAnyUser(w.call(), user.user_id, { can_create_orgs: true });
    // OA-17: an application that acts for her needs the scope.
    const through = w.call({ ...call.actor, through: home.org_id });
    expect(await codeOf(createOrganization(through, { org_name: 'Not mine' }))).to.equal('not_allowed');
    const made = await createOrganization(call, { org_name: 'Mine' });
    const membership = await findMembership(w.db, made.org_id, user.user_id);
    expect(membership).to.deep.include({ user_role: 'owner', status: 'active' });
    expect(membership?.user_permissions).to.include('organizations.delete');
  });

  it('AZ-06: an organization cannot give that right to its own people', async () => {
    const org = await makeOrganization(w);
    const { call } = await makeActor(w, org, 'owner');
    const { createOwnedUser } = await import('../../../src/directory/users/service.ts');
    const made = await createOwnedUser(call, org.org_id, { email: `${unique()}@x.example`, can_create_orgs: true });
    expect(made.can_create_orgs).to.equal(false);
  });

  it('changes what differs, and copies a new slug to every membership', async () => {
    const org = await makeOrganization(w);
    const user = await makeOwned(w, org);
    const { call } = await makeActor(w, org, 'admin');
    const slug = `new-${unique()}`;
    const after = await updateOrganization(call, org.org_id, { slug, org_metadata: { plan: ['a', { b: 1 }] } });
    expect(after).to.deep.include({ slug, org_metadata: { plan: ['a', { b: 1 }] } });
    expect((await findMembership(w.db, org.org_id, user.user_id))?.url_safe_org_name).to.equal(slug);
    await updateOrganization(call, org.org_id, { slug, org_metadata: { plan: ['a', { b: 1 }] } });
    expect(await countEvents(w, 'organization.updated', org.org_id)).to.equal(1);
    const other = await makeOrganization(w);
    expect(await codeOf(updateOrganization(call, org.org_id, { slug: other.slug }))).to.equal('slug_taken');
  });

  it('MT-09: serves a host name only below a verified domain', async () => {
    const org = await makeOrganization(w);
    const domain = `${unique()}.example`;
    const set = (custom_domain: string | null) => updateOrganization(w.call(), org.org_id, { custom_domain });
    expect(await codeOf(set(`login.${domain}`))).to.equal('domain_not_verified');
    await addDomain(w.call(), org.org_id, { domain });
    expect(await codeOf(set(`login.${domain}`))).to.equal('domain_not_verified');
    await verifyDomain(w.call(), org.org_id, domain, { method: 'attested' });
    expect((await set(`LOGIN.${domain}`)).custom_domain).to.equal(`login.${domain}`);
    expect(await codeOf(set(`login-${domain}`))).to.equal('domain_not_verified');
    expect((await set(null)).custom_domain).to.equal(null);
  });

  it('a deleted organization leaves its domains to others', async () => {
    const [first, second] = [await makeOrganization(w), await makeOrganization(w)];
    const domain = `${unique()}.example`;
    const verify = async (orgId: string) => {
      await addDomain(w.call(), orgId, { domain });
      return verifyDomain(w.call(), orgId, domain, { method: 'attested' });
    };
    await verify(first.org_id);
    await deleteOrganization(w.call(), first.org_id);
    expect((await verify(second.org_id)).verified_by).to.equal('attested');
    expect(await countEvents(w, 'domain.deleted', domain)).to.equal(1);
  });

  it('MT-10: only the system suspends; only owners and the system delete', async () => {
    const org = await makeOrganization(w);
    const owner = (await makeActor(w, org, 'owner')).call;
    const admin = (await makeActor(w, org, 'admin')).call;
    expect(await codeOf(suspendOrganization(owner, org.org_id))).to.equal('not_allowed');
    expect(await codeOf(deleteOrganization(admin, org.org_id))).to.equal('not_allowed');
    expect((await suspendOrganization(w.call(), org.org_id)).status).to.equal('suspended');
    expect((await activateOrganization(w.call(), org.org_id)).status).to.equal('active');
    await deleteOrganization(owner, org.org_id);
    expect(await findOrganization(w.db, org.org_id)).to.equal(null);
    expect(await codeOf(updateOrganization(w.call(), org.org_id, { org_name: 'X' }))).to.equal('not_found');
    expect(await codeOf(createOrganization(w.call(), { org_name: 'X', slug: org.slug }))).to.equal('slug_taken');
  });

  it('MT-02: another organization is not there, and the list is the system’s', async () => {
    const [mine, theirs] = [await makeOrganization(w), await makeOrganization(w)];
    const { call } = await makeActor(w, mine, 'owner');
    expect(await codeOf(readOrganization(call, theirs.org_id))).to.equal('not_found');
    expect(await codeOf(updateOrganization(call, theirs.org_id, { org_name: 'Taken' }))).to.equal('not_found');
    const list = async () => listOrganizations(call, {});
    expect(await codeOf(list())).to.equal('not_allowed');
    const found = await listOrganizations(w.call(), { slug: theirs.slug });
    expect(found.items.map(({ org_id }) => org_id)).to.deep.equal([theirs.org_id]);
  });

  it('asks strangers who they are', async () => {
    const { anonymous } = await import('../../../src/core/call.ts');
    const call = Call.begin(w.app, anonymous);
    expect(await codeOf(createOrganization(call, { org_name: 'X' }))).to.equal('unauthenticated');
    expect((await makePersonal(w)).home_org_id).to.equal(null);
  });
});
