/** Discovery, over HTTP (RFC 7644 §4). */
import { expect } from 'chai';
import type { JsonObject } from '../../src/scim/json.ts';
import { type World, world } from '../support/world.ts';
import { type Directory, directory, expectError, idsOf } from './door.ts';

describe('scim/discovery', () => {
  let w: World;
  let d: Directory;
  before(async () => {
    w = await world();
  });
  after(() => w.close());
  beforeEach(async () => {
    d = await directory(w);
  });

  describe('discovery (§4)', () => {
    it('is open to everybody, and says only what is so', async () => {
      const config = await w.request('/scim/v2/ServiceProviderConfig');
      expect(config.status).to.equal(200);
      expect(config.body).to.deep.include({ patch: { supported: true }, changePassword: { supported: false } });
      for (const path of ['/Schemas', '/ResourceTypes']) {
        const all = (await w.request(`/scim/v2${path}`)).body as JsonObject;
        expect(all.totalResults).to.equal((all.Resources as JsonObject[]).length);
        for (const one of all.Resources as JsonObject[]) {
          const alone = await w.request(`/scim/v2${path}/${one.id}`);
          expect(alone.body, String(one.id)).to.deep.equal(one);
          expect((one.meta as JsonObject).location).to.equal(`${w.url}/scim/v2${path}/${one.id}`);
        }
        expectError((await w.request(`/scim/v2${path}/nothing`)) as never, 404);
        expectError((await w.request(`/scim/v2${path}?filter=id%20pr`)) as never, 403);
        expectError((await w.request(`/scim/v2${path}`, { method: 'POST' })) as never, 405);
      }
    });

    it('shows a client its own extension', async () => {
      const urn = 'urn:example:acme:1.0:User';
      const current = await w.api('GET', `/organizations/${d.org_id}/scim-clients/${d.client_id}/mappings`);
      const mappings = [
        ...(current.body.mappings as object[]),
        { local_attribute: 'properties.cost', scim_attribute: `${urn}:costCentre`, resource_type: 'User' },
      ];
      const path = `/organizations/${d.org_id}/scim-clients/${d.client_id}/mappings`;
      const changed = await w.api('PUT', path, { mappings });
      expect(changed.status, changed.text).to.equal(200);
      const schemas = (await d.send('GET', '/Schemas')).body.Resources as JsonObject[];
      expect(schemas.map(({ id }) => id)).to.include(urn);
      const id = await d.user('cost@example.test', { [urn]: { costCentre: '77' } });
      expect((await w.db('users').where({ user_id: id }).first()).properties).to.deep.equal({ cost: '77' });
      const found = await d.send('GET', `/Users?filter=${encodeURIComponent(`${urn}:costCentre eq "77"`)}`);
      expect(idsOf(found)).to.deep.equal([id]);
      const open = (await w.request('/scim/v2/Schemas')).body as JsonObject;
      expect((open.Resources as JsonObject[]).map((one) => one.id)).to.not.include(urn);
    });
  });
});
