/**
 * RE-17: roles that inherit in a chain of a thousand, fan out to a thousand parents or meet again and again (a ladder of diamonds has
 * 2^500 ways): whatever is asked of an organization with such roles holds the event loop less than 50 ms of processor time.
 */
import { expect } from 'chai';
import { newId } from '../../src/core/id.ts';
import { org_id } from '../bench/population.ts';
import { onPostgres } from '../support/database.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { attack, json, scimJson } from './attack.ts';
import { loadStage, type LoadStage } from './stage.ts';
import { suffer } from './suffer.ts';

const many = 1000;

describe('load: roles without end', function () {
  this.timeout(300_000);
  this.retries(1);
  let stage: LoadStage;
  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    stage = await loadStage(200);
  });
  after(() => stage?.close());

  const organization = `/api/v1/organizations/${org_id}`;
  const ask = (method: string, path: string, body?: object) =>
    stage.send(path, {
      method,
      headers: {
        authorization: `Bearer ${stage.process.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': json }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  /** Roles of the organization that inherit as the edges say, by their places; the first is the bottom, the last the top. */
  async function inherit(edges: readonly (readonly [number, number])[]): Promise<{ bottom: string; top: string }> {
    const ids = Array.from({ length: many }, () => newId());
    await stage.sql(
      `insert into roles (role_id, org_id, name) select id, ?, 'role ' || id from unnest(?::uuid[]) as id`,
      [org_id, ids],
    );
    await stage.sql(
      `insert into role_inheritance (role_id, parent_role_id) select * from unnest(?::uuid[], ?::uuid[])`,
      [edges.map(([child]) => ids[child]), edges.map(([, parent]) => ids[parent])],
    );
    // As autovacuum does within a minute: without it thousands of roles that are new are planned for as if they were few.
    await stage.sql('analyze roles, role_inheritance, role_permissions');
    return { bottom: ids[0] ?? '', top: ids.at(-1) ?? '' };
  }

  const steps = Array.from({ length: many - 1 }, (_, index) => index);
  const shapes = {
    'a chain of a thousand': steps.map((index) => [index, index + 1] as const),
    'a fan of a thousand': steps.flatMap((index) =>
      index === 0 || index + 1 === many ? [] : ([[0, index] as const, [index, many - 1] as const] as const),
    ),
    'a ladder of diamonds': steps.flatMap((index) => {
      const next = index - (index % 2) + 2;
      return [next, next + 1].filter((place) => place < many).map((place) => [index, place] as const);
    }),
    'a chain that ends in diamonds': steps.flatMap((index) => {
      if (index < 960) return [[index, index + 1] as const];
      const next = index - (index % 2) + 2;
      return [next, next + 1].filter((place) => place < many).map((place) => [index, place] as const);
    }),
  };

  for (const [shape, edges] of Object.entries(shapes)) {
    it(`RE-17: ${shape}`, async () => {
      const { bottom, top } = await inherit(edges);
      const permissions = await stage.sql(
        `select permission_id, name from permissions where name = 'users.read' limit 1`,
      );
      const { permission_id } = permissions[0] as { permission_id: string };
      const person = stage.population.outsiders.at(-5) ?? '';
      const scim = (op: string) =>
        stage.send(`/scim/v2/Groups/${stage.population.small_group}`, {
          method: 'PATCH',
          headers: { authorization: `Bearer ${stage.scim}`, 'content-type': scimJson },
          body: JSON.stringify({
            schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
            Operations: [
              {
                op,
                path: op === 'add' ? 'members' : `members[value eq "${person}"]`,
                ...(op === 'add' ? { value: [{ value: person }] } : {}),
              },
            ],
          }),
        });
      const fine = [200, 201, 204, 409];
      const found = await suffer(stage, [
        attack(`${shape}: a permission at its top`, fine, () =>
          ask('PUT', `${organization}/roles/${top}/permissions/${permission_id}`, {}),
        ),
        attack(`${shape}: given to a member`, fine, () =>
          ask('POST', `${organization}/members/${person}/roles`, { role_id: bottom }),
        ),
        attack(`${shape}: given to a group`, fine, () =>
          ask('POST', `${organization}/groups/${stage.population.small_group}/roles`, { role_id: bottom }),
        ),
        attack(`${shape}: SCIM adds a member`, [200, 204], () => scim('add')),
        attack(`${shape}: SCIM removes a member`, [200, 204], () => scim('remove')),
        attack(`${shape}: would close a circle`, [409], () =>
          ask('PUT', `${organization}/roles/${top}/parents/${bottom}`),
        ),
        attack(`${shape}: why somebody may`, [200], () =>
          ask('GET', `${organization}/members/${person}/access?permission=users.read`),
        ),
        attack(`${shape}: its parents`, [200], () => ask('GET', `${organization}/roles/${bottom}/parents?limit=200`)),
        attack(`${shape}: deleted at its bottom`, [204, 404], () => ask('DELETE', `${organization}/roles/${bottom}`)),
      ]);
      expect(found).to.deep.equal([]);
    });
  }
});
