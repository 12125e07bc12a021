import Koa, { type Context } from 'koa';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Fault } from '../../src/core/fault.ts';
import { createFormGuard, type FormGuard } from '../../src/http/csrf.ts';
import { ask } from './served.ts';

describe('http/csrf', () => {
  const url = 'http://localhost:3000';
  let guard: FormGuard;
  let server: Server;
  let port: number;
  before(async () => {
    guard = createFormGuard(url, ['first', 'second']);
    const koa = new Koa();
    koa.use(async (context: Context) => {
      if (context.method === 'GET') {
        context.body = JSON.stringify([guard.token(context), guard.token(context)]);
        return;
      }
      try {
        guard.verify(context, { csrf: context.get('x-token') || undefined });
        context.body = 'accepted';
      } catch (error) {
        context.body = (error as Fault).code;
      }
    });
    server = createServer(koa.callback());
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(() => new Promise((resolve) => server.close(resolve)));

  const page = async (headers: Record<string, string> = {}) => {
    const reply = await ask(port, '/', { headers });
    const cookie = reply.headers['set-cookie']?.[0] ?? '';
    const [token = '', second = ''] = JSON.parse(reply.text) as string[];
    return { cookie: cookie.split(';')[0] ?? '', attributes: cookie, token, second };
  };
  const send = async (headers: Record<string, string>) => (await ask(port, '/', { method: 'POST', headers })).text;

  it('WB-01: accepts the form of the same browser, from our own origin', async () => {
    const { cookie, token, second } = await page();
    expect(second).to.equal(token);
    expect(await send({ cookie, 'x-token': token })).to.equal('accepted');
    expect(await send({ cookie, 'x-token': token, origin: url, 'sec-fetch-site': 'same-origin' })).to.equal('accepted');
  });

  it('WB-01: refuses a form without token, without cookie, or with those of two browsers', async () => {
    const [mine, theirs] = [await page(), await page()];
    expect(mine.token).not.to.equal(theirs.token);
    for (const headers of [
      {},
      { cookie: mine.cookie },
      { 'x-token': mine.token },
      { cookie: mine.cookie, 'x-token': theirs.token },
      { cookie: mine.cookie, 'x-token': mine.token.slice(0, -1) },
      { cookie: `${mine.cookie}x`, 'x-token': mine.token },
    ] as Record<string, string>[]) {
      expect(await send(headers), JSON.stringify(headers)).to.equal('form_expired');
    }
  });

  it('WB-02: refuses a good form that was sent from elsewhere', async () => {
    const { cookie, token } = await page();
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost:3001',
      'https://localhost:3000',
      `${url}.evil.example`,
    ]) {
      expect(await send({ cookie, 'x-token': token, origin }), origin).to.equal('form_expired');
    }
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect(await send({ cookie, 'x-token': token, 'sec-fetch-site': site }), site).to.equal('form_expired');
    }
  });

  it('keeps the browser’s cookie while it is good, and takes no planted one', async () => {
    const { cookie } = await page();
    expect((await page({ cookie })).attributes).to.equal('');
    const planted = await page({ cookie: 'lintel_form=<script>' });
    expect(planted.attributes).to.match(/^lintel_form=[\w-]{43};/);
  });

  it('SE-03: binds the cookie to our host when there is TLS', async () => {
    const { attributes } = await page();
    expect(attributes.toLowerCase()).to.include('httponly').and.include('samesite=lax').and.include('path=/');
    const sent: [string, object][] = [];
    const context = {
      cookies: {
        get: () => undefined,
        set: (name: string, _value: string, options: object) => sent.push([name, options]),
      },
      state: {},
    };
    createFormGuard('https://id.example.com', ['k']).token(context as unknown as Context);
    expect(sent[0]?.[0]).to.equal('__Host-lintel_form');
    expect(sent[0]?.[1]).to.include({ secure: true, httpOnly: true, path: '/' });
  });

  it('SD-04: accepts tokens made under an older key', async () => {
    const { cookie, token } = await page();
    guard = createFormGuard(url, ['fresh', 'first']);
    expect(await send({ cookie, 'x-token': token })).to.equal('accepted');
    guard = createFormGuard(url, ['fresh']);
    expect(await send({ cookie, 'x-token': token })).to.equal('form_expired');
  });
});
