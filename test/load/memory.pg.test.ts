/**
 * RE-13: the largest bodies that are accepted, at every door at once, from more connections than are admitted, on a heap as a small
 * installation would set it. A cgroup cannot be had everywhere: the heap is bounded by Node, and what is resident is read from Linux.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { org_id } from '../bench/population.ts';
import { onPostgres } from '../support/database.ts';
import { skipWithoutPostgres } from '../support/own-postgres.ts';
import { encodePost } from '../support/saml/messages.ts';
import { pause } from '../support/waiting.ts';
import { form, json, scimJson } from './attack.ts';
import { fill } from './bodies.ts';
import { pour, type Said, type Shot, tally } from './pour.ts';
import { loadStage, type LoadStage } from './stage.ts';

const mebibyte = 1024 * 1024;
/** Megabytes of JavaScript heap of the main thread. */
const heap = 256;
/** What may be resident at the worst: the heap, a worker for messages, hashes, and bodies that are on their way in. */
const maxResident = 900 * mebibyte;
/** What may be held longer: rows of the recorder that are not written yet, what was compiled, garbage. */
const maxKept = 64 * mebibyte;
const mib = (bytes: number): number => Math.round(bytes / mebibyte);
const connections = 100;
const seconds = 6;

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

/** Done, refused for what it is, or refused for now with a time. */
const isHonest = ({ status, retryAfter, text, type }: Said): boolean => {
  if (status === 503 || status === 429) return /^\d+$/.test(retryAfter ?? '');
  if (status >= 400) return status < 500 && (!/json/.test(type) || /"(code|error|status)"/.test(text));
  return status < 300 || status === 303;
};

describe('load: memory', function () {
  this.timeout(180_000);
  let stage: LoadStage;
  let members: string[];
  let scimUser: string;
  let scimGroup: string;

  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    stage = await loadStage(20_000, { NODE_OPTIONS: `--max-old-space-size=${heap}` });
    members = (await stage.sql('select user_id from users where home_org_id = ? order by user_id', [org_id])).map(
      ({ user_id }) => String(user_id),
    );
    scimUser = await make('/Users', { schemas: [USER], userName: 'target@large.example' });
    scimGroup = await make('/Groups', { schemas: [GROUP], displayName: 'Target' });
  });
  after(() => stage?.close());

  async function make(path: string, body: object): Promise<string> {
    const { text } = await stage.send(`/scim/v2${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stage.scim}`, 'content-type': scimJson },
      body: JSON.stringify(body),
    });
    return (JSON.parse(text) as { id: string }).id;
  }

  async function resident(name: 'VmRSS' | 'VmHWM'): Promise<number> {
    const status = await readFile(`/proc/${stage.process.child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  }

  const held = async () => (await stage.watch(async () => {})).held;

  const scim = (name: string, method: string, path: string, body: string): Shot => ({
    name,
    method,
    path: `/scim/v2${path}`,
    headers: { authorization: `Bearer ${stage.scim}`, 'content-type': scimJson },
    body,
  });
  const rest = (name: string, method: string, path: string, body: string): Shot => ({
    name,
    method,
    path: `/api/v1/organizations/${org_id}${path}`,
    headers: { authorization: `Bearer ${stage.process.apiKey}`, 'content-type': json },
    body,
  });
  const posted = (name: string, path: string, body: string): Shot => ({
    name,
    method: 'POST',
    path,
    headers: { 'content-type': form, origin: stage.process.url },
    body,
  });

  /** The largest that each address reads, and what makes most of it. */
  function doors(): Record<string, readonly Shot[]> {
    const text = (bytes: number) => fill('a', bytes);
    // Few operations, and large: what is looked for is memory, not time.
    const creations = Array.from({ length: 60 }, (_, i) => ({
      method: 'POST',
      path: '/Users',
      bulkId: `b${i}`,
      data: { schemas: [USER], userName: 'target@large.example', 'urn:x:y:User': { a: text(17_000) } },
    }));
    const renames = Array.from({ length: 1000 }, () => ({ op: 'replace', path: 'nickName', value: text(970) }));
    const group = { schemas: [GROUP], displayName: 'Target' };
    const xml = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0">${fill('<a/>', 75_000)}${fill(' ', 180_000)}</samlp:Response>`;
    const metadata = JSON.stringify({
      type: 'saml',
      name: 'x',
      config: { metadata_xml: fill('<a/>', 2 * mebibyte - 1024) },
    });
    return {
      scim: [
        scim('Bulk', 'POST', '/Bulk', JSON.stringify({ schemas: [BULK], Operations: creations })),
        scim('PATCH user', 'PATCH', `/Users/${scimUser}`, JSON.stringify({ schemas: [PATCH], Operations: renames })),
        scim(
          'PUT group',
          'PUT',
          `/Groups/${scimGroup}`,
          JSON.stringify({ ...group, members: members.map((value) => ({ value, display: text(140) })) }),
        ),
      ],
      api: [
        rest('REST', 'PATCH', '', `{"org_metadata":{"a":"${text(32_000)}"}${' '.repeat(mebibyte - 34_000)}}`),
        rest('REST list', 'PATCH', '', `{"org_metadata":{"a":[${fill('"a",', 250_000)}"b"]}}`),
        rest('metadata', 'POST', '/identity-providers', metadata),
        rest(
          'metadata escaped',
          'POST',
          '/identity-providers',
          `{"type":"saml","name":"x","config":{"metadata_xml":"${fill('\\u0061', 4 * mebibyte - 4096)}"}}`,
        ),
      ],
      saml: [
        posted(
          'ACS',
          `/saml/${stage.provider.provider_id}/acs`,
          new URLSearchParams({ SAMLResponse: encodePost(xml), RelayState: 'x' }).toString(),
        ),
      ],
      oauth: [posted('token', '/oauth/token', `grant_type=client_credentials&scope=${text(55_000)}`)],
      signin: [posted('sign-in', `/signin/${'a'.repeat(21)}/identify`, `identifier=${text(32_000)}`)],
    };
  }

  /** Pours all of them at once. What is said here is said of each flood. */
  async function endure(lists: readonly (readonly Shot[])[]): Promise<Record<string, number>> {
    await pause(500);
    // Linux: 5 has the high-water mark begin anew (proc(5)).
    await writeFile(`/proc/${stage.process.child.pid}/clear_refs`, '5');
    const before = { resident: await resident('VmRSS'), held: await held() };
    const { port, child, output } = stage.process;
    const poured = await Promise.all(
      lists.map((list) => pour({ port, connections, seconds, shot: (index) => list[index % list.length] as Shot })),
    );
    expect(child.signalCode ?? child.exitCode, output().slice(-2000)).to.equal(null);
    const peak = await resident('VmHWM');
    const told = Object.assign({}, ...poured.map(tally)) as Record<string, number>;
    process.stdout.write(
      `      ${JSON.stringify(told)}\n      resident ${mib(before.resident)} MiB before, ${mib(peak)} at the highest\n`,
    );
    for (const { said, lost } of poured) {
      expect(said.filter((one) => !isHonest(one))).to.deep.equal([]);
      expect(lost).to.deep.equal({});
    }
    expect(peak).to.be.below(maxResident);

    // It serves as before, and holds no more than before: what nobody holds any more is collected while others are served. Pages that
    // were given back to the allocator may stay resident.
    const small = () => rest('role', 'POST', '/roles', JSON.stringify({ name: randomUUID() }));
    let after = Number.POSITIVE_INFINITY;
    for (let look = 0; look < 15 && after > before.held + maxKept; look += 1) {
      const calm = await pour({ port, connections: 4, seconds: 1, shot: small });
      expect(Object.keys(tally(calm))).to.deep.equal(['role 201']);
      after = await held();
    }
    process.stdout.write(
      `      held ${mib(before.held)} MiB before, ${mib(after)} afterwards; resident ${mib(await resident('VmRSS'))} MiB\n`,
    );
    expect(after).to.be.below(before.held + maxKept);
    expect((await stage.send('/health/ready')).status).to.equal(200);
    return told;
  }

  it('RE-13: the largest bodies are read to their end when nobody else asks', async () => {
    // What is compiled and started with the first request of its kind is there before anything is counted.
    const statuses: Record<string, number> = {};
    for (const { name, path, method, headers, body } of Object.values(doors()).flat())
      statuses[name] = (await stage.send(path, { method, headers, body: body as string })).status;
    expect(statuses).to.deep.equal({
      Bulk: 200,
      'PATCH user': 200,
      'PUT group': 200,
      REST: 200,
      'REST list': 400,
      metadata: 400,
      'metadata escaped': 400,
      ACS: 400,
      token: 400,
      'sign-in': 403,
    });
  });

  it('RE-13, SC-10: groups of 20,000 members in 4 MiB each, on a hundred connections of one directory, do not end the process', async () => {
    const told = await endure([(doors().scim ?? []).filter(({ name }) => name === 'PUT group')]);
    expect(told['PUT group 200']).to.be.greaterThan(0);
    expect(told['PUT group 503']).to.be.greaterThan(0);
  });

  it('RE-13: the largest bodies at every door at once, more than are admitted, stay within the memory of a small installation', async () => {
    const told = await endure(Object.values(doors()));
    const answered = Object.entries(told).filter(([name]) => !name.endsWith(' 503'));
    expect(answered.length, JSON.stringify(told)).to.be.greaterThan(5);
  });
});
