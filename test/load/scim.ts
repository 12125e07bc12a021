/**
 * SCIM: filters, paths, members, Bulk and pages, each at its limit and beyond. Over 300 lines because it is a list.
 */
import { randomUUID } from 'node:crypto';
import { org_id } from '../bench/population.ts';
import { type Attack, attack, scimJson } from './attack.ts';
import { fill, largeValues } from './bodies.ts';
import type { LoadStage } from './stage.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

/** Two hundred people in 500 groups each, and the first of them in 20,000. */
async function insertGroupedPeople({ sql }: LoadStage): Promise<void> {
  const person = (i: string) => `('01900000-0000-7000-9000-' || lpad(to_hex(${i}), 12, '0'))::uuid`;
  const group = (i: string) => `('01900000-0000-7000-9100-' || lpad(to_hex(${i}), 12, '0'))::uuid`;
  await sql(
    `insert into users (user_id, home_org_id, email, email_confirmed, username, first_name, last_name)
     select ${person('i')}, ?, 'grouped' || i || '@large.example', false, 'grouped' || i, 'Ada', 'Beam'
     from generate_series(1, 200) i on conflict do nothing`,
    [org_id],
  );
  await sql(
    `insert into user_organization_info (user_id, org_id, url_safe_org_name)
     select ${person('i')}, ?, 'large' from generate_series(1, 200) i on conflict do nothing`,
    [org_id],
  );
  // In parts: each has to end in time, and another try begins anew.
  for (let from = 1; from <= 20_000; from += 5000) {
    await sql(
      `insert into user_groups (group_id, org_id, name, slug, member_count)
       select ${group('i')}, ?, 'Grouped ' || i, 'grouped-' || i, 0 from generate_series(?::int, ?::int) i on conflict do nothing`,
      [org_id, from, from + 4999],
    );
    await sql(
      `insert into user_group_memberships (membership_id, group_id, user_id)
       select gen_random_uuid(), ${group('g')}, ${person('1')} from generate_series(?::int, ?::int) g on conflict do nothing`,
      [from, from + 4999],
    );
  }
  for (let from = 2; from <= 200; from += 10) {
    await sql(
      `insert into user_group_memberships (membership_id, group_id, user_id)
       select gen_random_uuid(), ${group('g')}, ${person('u')}
       from generate_series(1, 500) g, generate_series(?::int, ?::int) u on conflict do nothing`,
      [from, Math.min(200, from + 9)],
    );
  }
}

export async function scimAttacks(stage: LoadStage): Promise<Attack[]> {
  const { send, population } = stage;
  const ids = (
    await stage.sql('select user_id from users where home_org_id = ? order by user_id limit 21000', [org_id])
  ).map(({ user_id }) => String(user_id));
  const ask = (method: string, path: string, body?: string) =>
    send(`/scim/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${stage.scim}`, ...(body === undefined ? {} : { 'content-type': scimJson }) },
      ...(body === undefined ? {} : { body }),
    });
  const makeOne = async (path: string, body: object): Promise<string> =>
    (JSON.parse((await ask('POST', path, JSON.stringify(body))).text) as { id: string }).id;
  const user = await makeOne('/Users', {
    schemas: [USER],
    userName: `target-${randomUUID()}@large.example`,
    emails: Array.from({ length: 400 }, (_, i) => ({ value: `e${i}@large.example`, type: `t${i}` })),
  });
  const group = await makeOne('/Groups', { schemas: [GROUP], displayName: `Target ${randomUUID()}` });
  for (let made = 0; made < 200; made += 1) {
    const extension = { notes: Array.from({ length: 1700 }, (_, i) => ({ a: `${i}${'x'.repeat(40)}` })) };
    const userName = `large${made}-${randomUUID()}@large.example`;
    await makeOne('/Users', { schemas: [USER], userName, 'urn:x:y:User': extension });
  }
  await insertGroupedPeople(stage);
  // As PostgreSQL does by itself a minute later; by the statistics of an empty table each page would read it once a person.
  await stage.sql('analyze users, scim_resources, user_groups, user_group_memberships');
  const filter = (text: string) => `?filter=${encodeURIComponent(text)}`;
  const patch = (...operations: unknown[]) => JSON.stringify({ schemas: [PATCH], Operations: operations });
  const bulk = (operations: unknown[], more: object = {}) =>
    JSON.stringify({ schemas: [BULK], ...more, Operations: operations });
  const fine = [200, 201, 204, 400, 404, 409, 413];
  const values = largeValues();
  // Everywhere the two that cost the most; where anything may stand, all of them.
  const worst = Object.entries(values).filter(([what]) => /half a million|31 deep|NFKC/.test(what));
  const members = (count: number) => ids.slice(0, count).map((value) => ({ value }));
  const terms = Array.from({ length: 60 }, (_, i) => `userName co "${i}"`);
  const filters: Record<string, string> = {
    '60 terms with or': terms.join(' or '),
    '60 terms with and': terms.join(' and '),
    'e-mail paths': Array.from({ length: 25 }, (_, i) => `emails[type eq "w${i}" and value co "${i}"]`).join(' or '),
    negations: `${'not ('.repeat(9)}userName pr${')'.repeat(9)}`,
    'parentheses without end': '('.repeat(4000),
    'one long string': `userName eq "${'a'.repeat(1900)}"`,
    backslashes: `userName eq "${'\\\\'.repeat(900)}`,
    'like signs': `userName co "${'%_'.repeat(400)}"`,
    'a long name': 'a'.repeat(2000),
    'a long urn': `urn:${'a:'.repeat(900)} pr`,
    'a long number': `meta.created gt ${'9'.repeat(1500)}`,
    members: Array.from({ length: 30 }, (_, i) => `members eq "${ids[i]}"`).join(' or '),
  };
  const failing = (count: number, data: (i: number) => unknown) =>
    Array.from({ length: count }, (_, i) => ({ method: 'POST', path: '/Nothing', bulkId: `b${i}`, data: data(i) }));
  return [
    ...Object.entries(filters).flatMap(([what, text]): Attack[] => [
      attack(`SCIM: users by filter: ${what}`, fine, () => ask('GET', `/Users${filter(text)}&count=1`)),
      attack(`SCIM: groups by filter: ${what}`, fine, () =>
        ask('GET', `/Groups${filter(text)}&count=1&excludedAttributes=members`),
      ),
    ]),
    attack('SCIM: 200 users, everything', [200], () => ask('GET', '/Users?count=1000')),
    attack('SCIM: 200 users of 90 KB', [200], () => ask('GET', `/Users${filter('userName sw "large"')}&count=200`)),
    attack('SCIM: 200 users in 500 groups each', [200], () =>
      ask('GET', `/Users${filter('userName sw "grouped"')}&count=200`),
    ),
    attack('SCIM: one user in 20,000 groups', [200], () => ask('GET', `/Users${filter('userName eq "grouped1"')}`)),
    attack('SCIM: 200 users, the last', [200], () => ask('GET', '/Users?count=200&startIndex=99000')),
    attack('SCIM: 200 users sorted', [200, 400], () => ask('GET', '/Users?count=200&sortBy=name.familyName')),
    attack('SCIM: attributes list of 14 KB', [200], () =>
      ask('GET', `/Users?count=200&attributes=${fill('name.givenName,', 14_000)}`),
    ),
    attack('SCIM: excludedAttributes of 14 KB', [200], () =>
      ask('GET', `/Users?count=200&excludedAttributes=${fill('a,', 14_000)}`),
    ),
    attack('SCIM: search of 1 MiB of attributes', fine, () =>
      ask(
        'POST',
        '/Users/.search',
        `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":1,"attributes":[${fill('"a",', 1_000_000)}"b"]}`,
      ),
    ),
    attack('SCIM: a group of 50,000', [200], () => ask('GET', `/Groups/${population.large_group}`)),
    attack('SCIM: a group of 50,000 with attributes=members.value', [200], () =>
      ask('GET', `/Groups/${population.large_group}?attributes=members.value`),
    ),
    attack('SCIM: all groups', [200], () => ask('GET', '/Groups?count=200')),
    attack('SCIM: rename a group of 50,000', fine, () =>
      ask(
        'PATCH',
        `/Groups/${population.large_group}`,
        patch({ op: 'replace', path: 'displayName', value: `Everybody ${randomUUID()}` }),
      ),
    ),
    attack('SCIM: a group of 50,000, a part of its members filtered', fine, () =>
      ask('PATCH', `/Groups/${population.large_group}`, patch({ op: 'remove', path: 'members[display eq "x"]' })),
    ),
    attack('SCIM: a group of 50,000, one by a complex path', fine, () =>
      ask(
        'PATCH',
        `/Groups/${population.large_group}`,
        patch({ op: 'remove', path: `members[value eq "${ids[0]}" and type eq "User"]` }),
      ),
    ),
    attack('SCIM: PUT with 20,000 members', fine, () =>
      ask(
        'PUT',
        `/Groups/${group}`,
        JSON.stringify({ schemas: [GROUP], displayName: 'Target', members: members(20_000) }),
      ),
    ),
    attack('SCIM: PUT with 10 members after 20,000', fine, () =>
      ask('PUT', `/Groups/${group}`, JSON.stringify({ schemas: [GROUP], displayName: 'Target', members: members(10) })),
    ),
    attack('SCIM: PATCH adds 20,000 members', fine, () =>
      ask('PATCH', `/Groups/${group}`, patch({ op: 'add', path: 'members', value: members(20_000) })),
    ),
    attack('SCIM: PATCH replaces 20,000 members', fine, () =>
      ask('PATCH', `/Groups/${group}`, patch({ op: 'replace', path: 'members', value: members(20_000) })),
    ),
    attack('SCIM: PATCH removes 20,000 members', fine, () =>
      ask('PATCH', `/Groups/${group}`, patch({ op: 'remove', path: 'members', value: members(20_000) })),
    ),
    attack('SCIM: PATCH adds 19,999 members and a stranger', [400], () =>
      ask(
        'PATCH',
        `/Groups/${group}`,
        patch({ op: 'add', path: 'members', value: [...members(19_999), { value: randomUUID() }] }),
      ),
    ),
    attack('SCIM: PATCH adds 20,000 strangers', [400], () =>
      ask(
        'PATCH',
        `/Groups/${group}`,
        patch({ op: 'add', path: 'members', value: Array.from({ length: 20_000 }, () => ({ value: randomUUID() })) }),
      ),
    ),
    attack('SCIM: POST a group with 20,000 members', fine, () =>
      ask(
        'POST',
        '/Groups',
        JSON.stringify({ schemas: [GROUP], displayName: `New ${randomUUID()}`, members: members(20_000) }),
      ),
    ),
    attack('SCIM: POST a group with 1 MiB of wrong members', fine, () =>
      ask('POST', '/Groups', `{"schemas":["${GROUP}"],"displayName":"x","members":[${fill('{},', 1_040_000)}{}]}`),
    ),
    attack('SCIM: PATCH user, 1,000 value paths over 400 e-mails', fine, () =>
      ask(
        'PATCH',
        `/Users/${user}`,
        patch(
          ...Array.from({ length: 1000 }, (_, i) => ({
            op: 'replace',
            path: `emails[type eq "t${i % 400}" and value co "e"].value`,
            value: `n${i}@large.example`,
          })),
        ),
      ),
    ),
    attack('SCIM: PATCH user, 1,000 additions of e-mails', fine, () =>
      ask(
        'PATCH',
        `/Users/${user}`,
        patch(
          ...Array.from({ length: 1000 }, (_, i) => ({
            op: 'add',
            path: 'emails',
            value: [{ value: `a${i}@large.example`, type: `t${i}` }],
          })),
        ),
      ),
    ),
    attack('SCIM: PATCH user, 1,000 paths of 2 KB', fine, () =>
      ask(
        'PATCH',
        `/Users/${user}`,
        patch(
          ...Array.from({ length: 500 }, () => ({
            op: 'replace',
            path: `emails[${Array.from({ length: 50 }, (_, i) => `value eq "${i}@large.example"`).join(' or ')}].value`,
            value: 'a@large.example',
          })),
        ),
      ),
    ),
    attack('SCIM: PATCH user, 20,000 e-mails', fine, () =>
      ask(
        'PATCH',
        `/Users/${user}`,
        patch({
          op: 'add',
          path: 'emails',
          value: Array.from({ length: 15_000 }, (_, i) => ({ value: `m${i}@large.example`, type: `t${i}` })),
        }),
      ),
    ),
    attack('SCIM: PATCH user, an object of 10,000 names', fine, () =>
      ask(
        'PATCH',
        `/Users/${user}`,
        patch({
          op: 'replace',
          value: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`name${i}.givenName`, 'x'])),
        }),
      ),
    ),
    attack('SCIM: PATCH user, extension of 20,000 names', fine, () =>
      ask(
        'PATCH',
        `/Users/${user}`,
        patch({
          op: 'add',
          value: Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`urn:x:${i}:User:a`, 'x'])),
        }),
      ),
    ),
    ...Object.entries(values).map(([what, value]) =>
      attack(`SCIM: PATCH Operations: ${what}`, fine, () =>
        ask('PATCH', `/Users/${user}`, `{"schemas":["${PATCH}"],"Operations":${value}}`),
      ),
    ),
    ...worst.flatMap(([what, value]): Attack[] => [
      attack(`SCIM: POST user, extension: ${what}`, fine, () =>
        ask(
          'POST',
          '/Users',
          `{"schemas":["${USER}"],"userName":"v${randomUUID()}@large.example","urn:x:y:User":{"a":${value}}}`,
        ),
      ),
      attack(`SCIM: POST user, emails: ${what}`, fine, () =>
        ask('POST', '/Users', `{"schemas":["${USER}"],"userName":"v${randomUUID()}@large.example","emails":${value}}`),
      ),
      attack(`SCIM: POST user, userName: ${what}`, fine, () =>
        ask('POST', '/Users', `{"schemas":["${USER}"],"userName":${value}}`),
      ),
      attack(`SCIM: POST user, schemas: ${what}`, fine, () =>
        ask('POST', '/Users', `{"schemas":${value},"userName":"x"}`),
      ),
      attack(`SCIM: PATCH value: ${what}`, fine, () =>
        ask(
          'PATCH',
          `/Users/${user}`,
          `{"schemas":["${PATCH}"],"Operations":[{"op":"replace","path":"nickName","value":${value}}]}`,
        ),
      ),
      attack(`SCIM: Bulk Operations: ${what}`, fine, () =>
        ask('POST', '/Bulk', `{"schemas":["${BULK}"],"Operations":${value}}`),
      ),
      attack(`SCIM: Bulk data: ${what}`, fine, () =>
        ask(
          'POST',
          '/Bulk',
          `{"schemas":["${BULK}"],"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"x","emails":${value}}}]}`,
        ),
      ),
    ]),
    attack('SCIM: Bulk, 1,000 creations', fine, () =>
      ask(
        'POST',
        '/Bulk',
        bulk(
          Array.from({ length: 1000 }, (_, i) => ({
            method: 'POST',
            path: '/Users',
            bulkId: `b${i}`,
            data: { schemas: [USER], userName: `bulk${i}-${randomUUID()}@large.example` },
          })),
        ),
      ),
    ),
    attack('SCIM: Bulk, 1,000 that fail at once', fine, () =>
      ask('POST', '/Bulk', bulk(failing(1000, () => ({ userName: 'x' })))),
    ),
    attack('SCIM: Bulk, 1,000 that fail, in a chain backwards', fine, () =>
      ask(
        'POST',
        '/Bulk',
        bulk(failing(1000, (i) => ({ a: `bulkId:b${i + 1}`, pad: Array.from({ length: 20 }, () => 'bulkId:zz') }))),
      ),
    ),
    attack('SCIM: Bulk, 1,000 in a circle', fine, () =>
      ask(
        'POST',
        '/Bulk',
        bulk(failing(1000, (i) => ({ manager: `bulkId:b${(i + 1) % 1000}`, pad: 'x'.repeat(600) }))),
      ),
    ),
    attack('SCIM: Bulk, one with 60,000 references', fine, () =>
      ask(
        'POST',
        '/Bulk',
        bulk([
          {
            method: 'POST',
            path: '/Users',
            bulkId: 'a',
            data: { userName: 'x', emails: Array.from({ length: 60_000 }, () => 'bulkId:a') },
          },
        ]),
      ),
    ),
    attack('SCIM: Bulk, 1,000 of 900 bytes with bad data', fine, () =>
      ask(
        'POST',
        '/Bulk',
        bulk(
          Array.from({ length: 1000 }, (_, i) => ({
            method: 'POST',
            path: '/Users',
            bulkId: `b${i}`,
            data: { schemas: [USER], emails: 'x'.repeat(800) },
          })),
        ),
      ),
    ),
  ];
}
