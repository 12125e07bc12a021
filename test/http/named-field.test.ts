/** What a room refuses about one field of a body names that field, as what the shape refuses does. */
import { expect } from 'chai';
import type { FaultEntry } from '../../src/core/fault.ts';
import { type FaultCode, faults } from '../../src/core/faults.ts';
import { routes } from '../../src/app.ts';
import { type World, world } from '../support/world.ts';

interface Refusal {
  code: string;
  errors?: { pointer: string; detail: string }[];
}

describe('http: refusals about one field', () => {
  let w: World;
  let org: string;
  before(async () => {
    w = await world();
    org = await make('/organizations', { org_name: 'Acme', slug: 'acme' }, 'org_id');
  });
  after(() => w.close());

  async function make(path: string, body: object, id: string): Promise<string> {
    const answer = await w.api<Record<string, string>>('POST', path, body);
    expect(answer.status, answer.text).to.equal(201);
    return answer.body[id] as string;
  }

  const refusal = async (method: string, path: string, body: object) =>
    (await w.api<Refusal>(method, path.replace('~', `/organizations/${org}`), body)).body;

  it('name it, with what is wrong there', async () => {
    const at = `/organizations/${org}`;
    const user = { email: 'ann@acme.example', username: 'ann' };
    await make(`${at}/users`, user, 'user_id');
    const group = await make(`${at}/groups`, { name: 'G', slug: 'g', max_members: 1 }, 'group_id');
    const members = await Promise.all(['b', 'c'].map((name) => make(`${at}/users`, { username: name }, 'user_id')));
    const unit = await make(`${at}/units`, { name: 'U' }, 'unit_id');
    await make(`${at}/roles`, { name: 'R' }, 'role_id');
    await make(`${at}/permissions`, { name: 'a.do', resource: 'a', action: 'do', category: 'c' }, 'permission_id');
    await make(`${at}/service-accounts`, { name: 'S', permissions: [] }, 'service_account_id');
    await make(`${at}/domains`, { domain: 'acme.example' }, 'domain');
    const app = { client_name: 'A', grant_types: ['client_credentials'], resource_uri: 'https://a.example/' };
    await make('/applications', app, 'client_id');
    const permission = { resource: 'a', action: 'do', category: 'c' };
    const provider = { type: 'saml', name: 'P' };
    const cases: [string, string, object, string, string][] = [
      ['POST', '/organizations', { org_name: 'B', slug: 'acme' }, 'slug_taken', 'slug'],
      ['POST', '/organizations', { org_name: 'B', slug: 'api' }, 'slug_reserved', 'slug'],
      ['PATCH', '~', { custom_domain: 'x' }, 'domain_invalid', 'custom_domain'],
      ['PATCH', '~', { custom_domain: 'x.example' }, 'domain_not_verified', 'custom_domain'],
      ['POST', '~/domains', { domain: '10.0.0.1' }, 'domain_invalid', 'domain'],
      ['POST', '~/domains', { domain: 'acme.example' }, 'domain_exists', 'domain'],
      ['POST', '~/users', { email: 'ann@acme.example' }, 'email_taken', 'email'],
      ['POST', '~/users', { username: 'ann' }, 'username_taken', 'username'],
      ['POST', '~/users', { email: 'ann' }, 'email_invalid', 'email'],
      ['POST', '~/users', { username: 'x'.repeat(300) + '\u200b' }, 'username_invalid', 'username'],
      ['POST', '~/users', { first_name: 'Ann' }, 'identifier_missing', 'email'],
      ['POST', '~/users', { username: 'p', password: 'short' }, 'password_too_short', 'password'],
      ['POST', '~/users', { username: 'p', password: 'passwordpassword' }, 'password_too_common', 'password'],
      ['POST', '~/groups', { name: 'G' }, 'group_name_taken', 'name'],
      ['POST', '~/groups', { name: 'H', slug: 'g' }, 'group_slug_taken', 'slug'],
      ['POST', `~/groups/${group}/members`, { add: members }, 'group_full', 'add'],
      ['POST', '~/units', { name: 'U' }, 'unit_name_taken', 'name'],
      ['PATCH', `~/units/${unit}`, { parent_id: unit }, 'unit_misplaced', 'parent_id'],
      ['POST', '~/roles', { name: 'R' }, 'role_name_taken', 'name'],
      ['POST', '~/roles', { name: 'owner' }, 'role_name_reserved', 'name'],
      ['POST', '~/permissions', { ...permission, name: 'a.do' }, 'permission_name_taken', 'name'],
      ['POST', '~/permissions', { ...permission, name: 'users.read' }, 'permission_name_reserved', 'name'],
      ['POST', '~/service-accounts', { name: 'S', permissions: [] }, 'service_account_name_taken', 'name'],
      ['POST', '~/service-accounts', { name: 'T', permissions: ['no.such'] }, 'permission_unknown', 'permissions'],
      ['POST', '/applications', app, 'resource_uri_taken', 'resource_uri'],
      ['POST', '~/identity-providers', { ...provider, type: 'ldap' }, 'provider_type_unsupported', 'type'],
      ['POST', '~/identity-providers', { ...provider, enabled: true }, 'provider_incomplete', 'enabled'],
      [
        'POST',
        '~/identity-providers',
        { ...provider, config: { metadata_xml: '<a/>' } },
        'provider_metadata_refused',
        'config/metadata_xml',
      ],
      [
        'POST',
        '~/identity-providers',
        { ...provider, config: { metadata_url: 'https://10.0.0.1/' } },
        'egress_refused',
        'config/metadata_url',
      ],
      [
        'POST',
        '~/identity-providers',
        { ...provider, config: { certificates: ['x'] } },
        'request_invalid',
        'config/certificates/0',
      ],
    ];
    for (const [method, path, body, code, field] of cases) {
      const refused = await refusal(method, path, body);
      expect(refused.code, `${method} ${path} ${JSON.stringify(refused)}`).to.equal(code);
      expect(
        refused.errors?.map(({ pointer }) => pointer),
        code,
      ).to.deep.equal([`/body/${field}`]);
      expect(refused.errors?.[0]?.detail, code).to.match(/\w/);
    }
  });

  it('name none where the address is meant, or the field did not come', async () => {
    const address = await refusal('PATCH', '~/domains/10.0.0.1', { is_shared: true });
    expect([address.code, address.errors]).to.deep.equal(['domain_invalid', undefined]);
    const { code, errors } = await refusal('POST', '~/domains/none.example/verification', { method: 'dns' });
    expect([code, errors]).to.deep.equal(['not_found', undefined]);
  });

  it('name fields that a body can have', () => {
    const bodies = routes.flatMap(({ body }) => (body === undefined ? [] : [JSON.stringify(body)]));
    for (const code of Object.keys(faults) as FaultCode[]) {
      const { fields = [] }: FaultEntry = faults[code];
      for (const field of fields.flatMap((path) => path.split('/'))) {
        expect(
          bodies.some((body) => body.includes(`"${field}":`)),
          `${code}: ${field}`,
        ).to.equal(true);
      }
    }
  });
});
