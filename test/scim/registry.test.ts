import { expect } from 'chai';
import { buildRegistries, findAttribute, findExtension, getRegistries } from '../../src/scim/registry.ts';
import { MappingRefused, STANDARD_MAPPINGS } from '../../src/scim/mappings.ts';
import {
  describeResourceTypes,
  describeSchemas,
  describeServiceProvider,
  ENTERPRISE_URN,
} from '../../src/scim/schemas.ts';

const standard = buildRegistries();
const own = 'urn:ietf:params:scim:schemas:extension:acme:2.0:User';

function refused(local_attribute: string, scim_attribute: string): string {
  try {
    buildRegistries([...STANDARD_MAPPINGS, { local_attribute, scim_attribute }]);
  } catch (refusal) {
    if (refusal instanceof MappingRefused) return refusal.message;
    throw refusal;
  }
  return 'accepted';
}

describe('scim/registry', () => {
  it('knows an attribute by its full path in any case, with the core URN or without', () => {
    const { User } = standard;
    expect(findAttribute(User, 'USERNAME')?.path).to.equal('userName');
    expect(findAttribute(User, 'urn:ietf:params:scim:schemas:core:2.0:User:name.FAMILYNAME')?.path).to.equal(
      'name.familyName',
    );
    expect(findAttribute(User, `${ENTERPRISE_URN}:department`)?.home).to.deep.equal({
      at: 'kept',
      keys: [ENTERPRISE_URN, 'department'],
    });
    expect(findAttribute(User, `${ENTERPRISE_URN.toUpperCase()}.manager.value`)?.path).to.equal(
      `${ENTERPRISE_URN}:manager.value`,
    );
    expect(findAttribute(User, 'department')).to.equal(undefined);
    expect(findAttribute(User, '__proto__')).to.equal(undefined);
    expect(findAttribute(User, 'constructor')).to.equal(undefined);
    expect(findExtension(User, ENTERPRISE_URN.toLowerCase())).to.equal(ENTERPRISE_URN);
  });

  it('has the facts of RFC 7643', () => {
    const { User, Group } = standard;
    const facts = (path: string) => {
      const { type, caseExact, mutability, returned, uniqueness, multiValued } =
        findAttribute(User, path) ?? expect.fail(path);
      return { type, caseExact, mutability, returned, uniqueness, multiValued };
    };
    expect(facts('userName')).to.include({ caseExact: false, uniqueness: 'server', mutability: 'readWrite' });
    expect(facts('id')).to.include({
      caseExact: true,
      returned: 'always',
      mutability: 'readOnly',
      uniqueness: 'global',
    });
    expect(facts('externalId')).to.include({ caseExact: true, mutability: 'readWrite' });
    expect(facts('password')).to.include({ mutability: 'writeOnly', returned: 'never' });
    expect(facts('groups')).to.include({ mutability: 'readOnly', multiValued: true });
    expect(facts('meta.created')).to.include({ type: 'dateTime', mutability: 'readOnly' });
    expect(findAttribute(User, 'emails.type')?.canonicalValues).to.deep.equal(['work', 'home', 'other']);
    expect(findAttribute(Group, 'members.value')?.mutability).to.equal('immutable');
  });

  it('puts mapped attributes into columns and keeps the rest', () => {
    const { User, Group } = standard;
    expect(findAttribute(User, 'active')?.home).to.deep.equal({
      at: 'column',
      target: { table: 'users', column: 'enabled', type: 'boolean' },
    });
    expect(findAttribute(User, 'title')?.home).to.deep.equal({ at: 'kept', keys: ['title'] });
    expect(findAttribute(User, 'emails')?.overlays[0]).to.deep.include({ leaf: 'value', fallsBack: true });
    expect(findAttribute(Group, 'displayName')?.home).to.deep.equal({
      at: 'column',
      target: { table: 'user_groups', column: 'name', type: 'string' },
    });
    expect(findAttribute(User, 'displayName')?.home).to.deep.equal({ at: 'kept', keys: ['displayName'] });
  });

  it("reads a client's own mappings: properties, a second e-mail, an extension of its own, a custom URN of Okta", () => {
    const okta = 'urn:okta:acme_1:1.0:user:custom';
    const { User, Group, all } = buildRegistries([
      ...STANDARD_MAPPINGS,
      { local_attribute: 'properties.home_email', scim_attribute: 'emails[type eq "home"].value' },
      { local_attribute: 'properties.hr.cost', scim_attribute: `${ENTERPRISE_URN}:costCenter` },
      { local_attribute: 'properties.badge', scim_attribute: `${own}:badge` },
      { local_attribute: 'properties.desk', scim_attribute: `${own}:place.desk` },
      { local_attribute: 'properties.shirt', scim_attribute: `${okta}:shirtSize` },
      {
        local_attribute: 'user_groups.description',
        scim_attribute: 'urn:ietf:params:scim:schemas:extension:acme:2.0:Group:about',
      },
    ]);
    expect(findAttribute(User, 'emails')?.overlays).to.have.length(2);
    expect(findAttribute(User, `${own}:place.desk`)?.home).to.deep.equal({
      at: 'column',
      target: { table: 'users', properties: ['desk'], type: 'string' },
    });
    expect(findAttribute(User, `${okta}:SHIRTSIZE`)?.path).to.equal(`${okta}:shirtSize`);
    expect(findAttribute(Group, 'urn:ietf:params:scim:schemas:extension:acme:2.0:Group:about')?.home.at).to.equal(
      'column',
    );
    const described = describeSchemas(all, 'https://x/scim/v2') as { id: string; attributes: { name: string }[] }[];
    expect(described.find(({ id }) => id === own)?.attributes.map(({ name }) => name)).to.deep.equal([
      'badge',
      'place',
    ]);
    expect(described.find(({ id }) => id === okta)?.attributes.map(({ name }) => name)).to.deep.equal(['shirtSize']);
  });

  it('SC-04 refuses mappings to what a directory must not write, with the reason', () => {
    for (const column of [
      'user_id',
      'home_org_id',
      'can_create_orgs',
      'locked',
      'email_confirmed',
      'has_password',
      'legacy_user_id',
      'mfa_enabled',
      'created_at',
      'deleted_at',
      'users.home_org_id',
      'user_groups.org_id',
      'user_groups.is_system',
      'group_id',
      'password_hash',
      'properties',
      'properties.',
      'properties.__proto__',
      'properties.constructor.x',
      'properties.a;b',
      "properties.a'b",
      'toString',
      'hasOwnProperty',
      'constructor',
      '__proto__',
      'user_groups.constructor',
      '',
    ]) {
      expect(refused(column, 'title'), column).to.match(/no such column that a directory may write/);
    }
  });

  it('refuses mappings that could not work, with the reason', () => {
    const cases: [string, string, RegExp][] = [
      ['bio', 'nothing', /no such attribute/],
      ['bio', 'emails[type eq "work"', /position/],
      ['bio', 'emails.value', /many values: say which one/],
      ['bio', 'emails', /many values/],
      ['bio', 'emails[type eq "work"]', /many values/],
      ['bio', 'emails[type co "work"].value', /"eq" and "and" only/],
      ['bio', 'emails[value eq "x"].value', /the very value/],
      ['bio', 'emails[nope eq "x"].value', /has no "nope"/],
      ['bio', 'title[type eq "x"]', /one value/],
      ['bio', 'name', /made of parts/],
      ['bio', 'name.nope', /no such attribute/],
      ['bio', 'id', /read-only/],
      ['bio', 'meta.location', /read-only/],
      ['bio', 'groups[type eq "direct"].value', /own place/],
      ['bio', 'externalId', /own place/],
      ['bio', 'password', /password/],
      ['bio', 'emails[type eq "home"].primary', /holds text, the attribute is boolean/],
      ['bio', 'userName', /two mappings/],
      ['email', 'title', /two mappings/],
      ['bio', `${own}:a[type eq "x"]`, /one value, and no filter/],
      ['bio', `${own}:__proto__`, /cannot be read/],
      ['user_groups.description', 'members[type eq "User"].value', /own place/],
    ];
    for (const [local, scim, reason] of cases) expect(refused(local, scim), `${local} ${scim}`).to.match(reason);
    expect(() =>
      buildRegistries([{ local_attribute: 'enabled', scim_attribute: 'emails[type eq "x"].primary' }]),
    ).to.throw(MappingRefused, 'enabled');
    expect(() =>
      buildRegistries([{ local_attribute: 'name', scim_attribute: 'displayName', resource_type: 'User' }]),
    ).to.throw(MappingRefused);
  });

  it('gives userName, active and displayName a home whatever the client maps: deactivation always works', () => {
    const { User, Group } = buildRegistries([
      { local_attribute: 'email', scim_attribute: 'emails[primary eq true].value' },
    ]);
    expect(User.mappings.map(({ attribute }) => attribute.path)).to.have.members(['emails', 'userName', 'active']);
    expect(Group.mappings.map(({ attribute }) => attribute.path)).to.deep.equal(['displayName']);
    const byEmail = buildRegistries([{ local_attribute: 'email', scim_attribute: 'userName' }]);
    expect(byEmail.User.mappings.filter(({ attribute }) => attribute.path === 'userName')).to.have.length(1);
  });

  it('SC-02 caches by client and version, and no client sees another', () => {
    const a = getRegistries('client-a', '1', [
      ...STANDARD_MAPPINGS,
      { local_attribute: 'bio', scim_attribute: `${own}:about` },
    ]);
    const b = getRegistries('client-b', '1', STANDARD_MAPPINGS);
    expect(getRegistries('client-a', '1', [])).to.equal(a);
    expect(getRegistries('client-a', '2', STANDARD_MAPPINGS)).not.to.equal(a);
    expect(findAttribute(a.User, `${own}:about`)).to.not.equal(undefined);
    expect(findAttribute(b.User, `${own}:about`)).to.equal(undefined);
    expect(findAttribute(b.User, 'title')).to.not.equal(findAttribute(a.User, 'title'));
  });
});

describe('scim/schemas', () => {
  const base = 'https://id.example.com/scim/v2';

  it('describes User, Group, Enterprise User and what Okta Identity Governance looks for', () => {
    const schemas = describeSchemas(standard.all, base) as {
      id: string;
      meta: { location: string };
      attributes: { name: string }[];
    }[];
    expect(schemas.map(({ id }) => id)).to.deep.equal([
      'urn:ietf:params:scim:schemas:core:2.0:User',
      ENTERPRISE_URN,
      'urn:ietf:params:scim:schemas:core:2.0:Group',
      'urn:okta:scim:schemas:core:1.0:Role',
      'urn:okta:scim:schemas:core:1.0:Entitlement',
    ]);
    for (const { id, meta } of schemas) expect(meta.location).to.equal(`${base}/Schemas/${id}`);
    const password = schemas[0]?.attributes.find(({ name }) => name === 'password');
    expect(password).to.include({ mutability: 'writeOnly', returned: 'never' });
    expect(schemas[0]?.attributes.map(({ name }) => name)).to.not.include('id');
  });

  it('lists the resource types with their endpoints and extensions', () => {
    const types = describeResourceTypes(standard.all, base) as Record<string, unknown>[];
    expect(types.map(({ id, endpoint }) => [id, endpoint])).to.deep.equal([
      ['User', '/Users'],
      ['Group', '/Groups'],
      ['Role', '/Roles'],
      ['Entitlement', '/Entitlements'],
    ]);
    expect(types[0]).to.deep.include({
      schema: 'urn:ietf:params:scim:schemas:core:2.0:User',
      schemaExtensions: [{ schema: ENTERPRISE_URN, required: false }],
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/User` },
    });
  });

  it('announces filters with their limit, bulk with its caps, and cursors (RFC 9865), but no security events', () => {
    const config = describeServiceProvider(base) as Record<string, Record<string, unknown>>;
    expect(config.filter).to.deep.equal({ supported: true, maxResults: 200 });
    expect(config.bulk).to.deep.equal({ supported: true, maxOperations: 1000, maxPayloadSize: 1_048_576 });
    expect(config.pagination).to.include({
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      maxPageSize: 200,
    });
    expect(config).to.not.have.property('securityEvents');
  });
});
