/** Behind https, as it is really run: a proxy ends TLS, and what browsers are told must not depend on what the proxy passes on. */
import { expect } from 'chai';
import { authorizationUrl } from '../oidc/rp.ts';
import { formsOf, goodPassword, insertPersonWithPassword } from '../signin/person.ts';
import { type World, world } from '../support/world.ts';

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly attributes: ReadonlyMap<string, string>;
}

const readCookie = (line: string): Cookie => {
  const [pair = '', ...attributes] = line.split(/; */);
  const at = pair.indexOf('=');
  const named = attributes.map((part) => part.split('=') as [string, string?]);
  return {
    name: pair.slice(0, at),
    value: pair.slice(at + 1),
    attributes: new Map(named.map(([name, value = '']) => [name.toLowerCase(), value])),
  };
};

describe('security: behind https', () => {
  let w: World;
  before(async () => {
    w = await world({ environment: { LINTEL_URL: 'https://id.example' } });
  });
  after(() => w.close());

  it('SE-03, WB-08: every cookie of a whole sign-in and sign-out is prefixed, Secure, HttpOnly and Lax; nothing is http', async () => {
    const port = w.config.port;
    const jar = new Map<string, { value: string; path: string }>();
    const seen = new Map<string, Cookie>();
    /** As the proxy passes it on: the public host, over plain http. */
    const go = async (address: string, init: RequestInit = {}) => {
      const { pathname, search } = new URL(address, 'https://id.example');
      const fits = ({ path }: { path: string }) => path === '/' || pathname === path || pathname.startsWith(`${path}/`);
      const cookie = [...jar]
        .filter(([, one]) => fits(one))
        .map(([key, { value }]) => `${key.split('|')[0]}=${value}`)
        .join('; ');
      const answer = await viaProxy(port, pathname + search, { ...init, cookie });
      for (const line of answer.cookies) {
        const read = readCookie(line);
        const path = read.attributes.get('path') ?? '';
        if (read.value === '') jar.delete(`${read.name}|${path}`);
        else {
          jar.set(`${read.name}|${path}`, { value: read.value, path });
          seen.set(read.name, read);
        }
      }
      return answer;
    };
    const client = await viaProxy(port, '/api/v1/applications', {
      method: 'POST',
      headers: { authorization: `Bearer ${w.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: 'x', redirect_uris: ['https://app.example/cb'], first_party: true }),
    });
    expect(client.status, client.text).to.equal(201);
    const { email } = await insertPersonWithPassword(w);
    let answer = await go(authorizationUrl(JSON.parse(client.text)));
    const filled: Record<string, string>[] = [{ identifier: email }, { password: goodPassword }];
    for (const fields of filled) {
      while (answer.status === 303) answer = await go(answer.location ?? '');
      expect(answer.headers.get('strict-transport-security')).to.match(/max-age=\d{8}/);
      const [form] = formsOf(answer.text);
      answer = await go(form?.action ?? '', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://id.example' },
        body: new URLSearchParams({ ...form?.fields, ...fields }).toString(),
      });
      expect(answer.status, answer.text.slice(0, 300)).to.equal(303);
    }
    for (
      let hop = 0;
      hop < 4 && answer.location && new URL(answer.location, 'https://id.example').host === 'id.example';
      hop += 1
    )
      answer = await go(answer.location);
    expect(answer.location).to.match(/^https:\/\/app\.example\/cb\?code=/);
    const page = await go('/oauth/logout');
    expect(page.status).to.equal(200);

    expect([...seen.keys()].sort()).to.deep.equal([
      '__Host-lintel_device',
      '__Host-lintel_form',
      '__Host-lintel_session',
      '__Host-lintel_session.sig',
      '__Secure-lintel_interaction',
      '__Secure-lintel_interaction.sig',
      '__Secure-lintel_resume',
      '__Secure-lintel_resume.sig',
    ]);
    for (const { name, attributes } of seen.values()) {
      expect(attributes.has('secure'), `${name}: Secure`).to.equal(true);
      expect(attributes.has('httponly'), `${name}: HttpOnly`).to.equal(true);
      expect(attributes.get('samesite')?.toLowerCase(), `${name}: SameSite`).to.equal('lax');
      expect(attributes.has('domain'), `${name}: Domain`).to.equal(false);
      if (name.startsWith('__Host-')) expect(attributes.get('path'), name).to.equal('/');
      else expect(attributes.get('path'), name).to.match(/^\/(signin|oauth\/authorize)\/[\w-]{43}$/);
    }
    // SE-03: signed, where it is the library's own state; the other two are random and mean nothing by themselves.
    for (const name of ['__Host-lintel_session', '__Secure-lintel_interaction', '__Secure-lintel_resume'])
      expect(seen.get(`${name}.sig`)?.value, name).to.match(/^[\w-]{27,}$/);
  });
});

/** A request with the public host, as a proxy makes it; fetch does not let us say the host. */
async function viaProxy(
  port: number,
  path: string,
  init: { method?: string; headers?: HeadersInit; body?: BodyInit | null; cookie?: string },
): Promise<{ status: number; text: string; location: string | null; headers: Headers; cookies: string[] }> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'id.example',
      'x-forwarded-proto': 'http',
      accept: 'text/html',
      ...Object.fromEntries(new Headers(init.headers)),
      ...(init.cookie ? { cookie: init.cookie } : {}),
    };
    const sent = request({ host: 'localhost', port, path, method: init.method ?? 'GET', headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => {
        const given = Object.entries(answer.headers).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string',
        );
        resolve({
          status: answer.statusCode ?? 0,
          text: Buffer.concat(parts).toString(),
          location: answer.headers.location ?? null,
          headers: new Headers(given),
          cookies: answer.headers['set-cookie'] ?? [],
        });
      });
    });
    sent.on('error', reject);
    sent.end(init.body ?? undefined);
  });
}
