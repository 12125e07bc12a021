import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import Koa from 'koa';
import { brandStyle, logoSource } from '../../src/http/branding.ts';
import { createPages } from '../../src/http/pages.ts';

const viewsDir = join(import.meta.dirname, '../../views');
const pages = createPages({ viewsDir });
const nonce = 'bm9uY2Utb2YtdGhlLXRlc3Q=';
const identify = { nonce, action: '/signin/x', csrf: 't' };

describe('pages', () => {
  it('escapes every value that stands in text and in attributes (WB-05)', () => {
    const html = pages.render('signin/identify', {
      ...identify,
      application: { name: '<script>alert(1)</script>' },
      identifier: '"><img src=x onerror=alert(1)>',
    });
    expect(html).to.not.include('<script>alert');
    expect(html).to.not.include('<img');
    expect(html).to.include('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).to.include('value="&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"');
  });

  it('takes reordering and control characters out of names, but not out of hidden fields (WB-13, OA-14)', () => {
    const name = 'a\u202eb\u2066c\u0000d';
    expect(pages.render('signin/identify', { ...identify, application: { name } })).to.include(
      'a\ufffdb\ufffdc\ufffdd',
    );
    expect(
      pages.render('signin/post', {
        nonce,
        action: 'https://idp.example/',
        provider: { name: 'x' },
        fields: { RelayState: name },
      }),
    ).to.include(`value="${name}"`);
  });

  it('refuses addresses that are no web addresses', () => {
    const addresses = [
      'javascript:alert(1)',
      ' javascript:alert(1)',
      'java\nscript:alert(1)',
      'JavaScript:x',
      'data:text/html,x',
      'vbscript:x',
      '//evil.example',
      '/\\evil.example',
      'evil',
      '',
    ];
    for (const action of addresses) {
      expect(() => pages.render('signin/identify', { ...identify, action }), action)
        .to.throw('could not be rendered')
        .with.nested.property('cause.cause')
        .instanceOf(RangeError);
    }
  });

  it('refuses an unknown view, a path, and a missing nonce', () => {
    expect(() => pages.render('signin/nothing', { nonce })).to.throw('no view');
    expect(() => pages.render('../package', { nonce })).to.throw('no view');
    expect(() => pages.render('signin/identify', { ...identify, nonce: '' })).to.throw('nonce');
    expect(() => pages.render('signin/identify', { ...identify, nonce: '" onload="alert(1)//////' })).to.throw('nonce');
  });

  it('puts the error first in the title, tells it with the field and gives the field the focus', () => {
    const html = pages.render('signin/identify', {
      ...identify,
      problem: { field: 'identifier', message: 'Enter it.' },
    });
    expect(html).to.include('<title>Error: Sign in');
    expect(html).to.match(/role="alert" id="problems"/);
    expect(html).to.match(/<input[^>]* aria-describedby="problems" aria-invalid="true" autofocus>/);
  });

  it('never writes a password back (AU-04 keeps paste and managers)', () => {
    const html = pages.render('setup', {
      nonce,
      action: '/setup',
      values: { password: 'hunter2hunter2hunter2' },
      password: 'hunter2hunter2hunter2',
    });
    expect(html).to.not.include('hunter2');
    expect(html).to.match(/<input[^>]*id="password"[^>]* autocomplete="new-password"[^>]* minlength="15"/);
  });

  it('says the language of its words, whatever was wished', () => {
    for (const locale of ['en', 'en-GB', 'de', '"><script>', undefined]) {
      expect(pages.render('signin/identify', { ...identify, locale })).to.include('<html lang="en">');
    }
  });

  it('stops the start when a template is broken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lintel-views-'));
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'bad.eta'), '<% if ( { %>');
    expect(() => createPages({ viewsDir: folder })).to.throw('views/bad.eta does not compile');
    await rm(folder, { recursive: true });
  });
});

describe('branding (WB-07)', () => {
  it('lets colours through and nothing else', () => {
    for (const text of [
      'red',
      '#12',
      '#1234567',
      '#fff;}body{display:none}',
      'url(https://x.example)',
      '#fff</style>',
      '',
      null,
      undefined,
    ]) {
      expect(brandStyle(text), String(text)).to.equal('');
    }
    expect(brandStyle('#0F7'))
      .to.match(/^[-:root{}#0-9a-z;@()]+$/)
      .and.include('--brand:#00ff77');
  });

  it('keeps contrast for any colour: 4.5 for words, 3 for edges', () => {
    const luminance = (hex: string) => {
      const [r, g, b] = [1, 3, 5].map((i) => {
        const share = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a: string, b: string) => {
      const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
      return (light + 0.05) / (dark + 0.05);
    };
    const grounds = [
      ['#ffffff', '#f4f2ee', '#faf8f5'],
      ['#131211', '#1d1c1a', '#242220'],
    ];
    for (let shade = 0; shade < 4096; shade += 1) {
      const colour = `#${shade.toString(16).padStart(3, '0')}`;
      const themes = brandStyle(colour).split('@media');
      for (const [index, theme] of themes.entries()) {
        const value = (name: string) => new RegExp(`--${name}:(#[0-9a-f]{6})`).exec(theme)?.[1] ?? '';
        expect(contrast(value('brand'), value('brand-ink')), `${colour} ink`).to.be.at.least(4.5);
        expect(contrast(value('brand-hover'), value('brand-ink')), `${colour} hover`).to.be.at.least(4.5);
        for (const ground of grounds[index] ?? []) {
          expect(contrast(value('brand-text'), ground), `${colour} words on ${ground}`).to.be.at.least(4.5);
          expect(contrast(value('brand-edge'), ground), `${colour} edge on ${ground}`).to.be.at.least(3);
        }
      }
    }
  });

  it('shows logos from https, our own host or small raster images in place only', () => {
    expect(logoSource('https://cdn.example/l.png')).to.equal('https://cdn.example/l.png');
    expect(logoSource('/assets/x/l.svg')).to.equal('/assets/x/l.svg');
    expect(logoSource('data:image/png;base64,AAAA')).to.equal('data:image/png;base64,AAAA');
    const refused = [
      'javascript:alert(1)',
      'http://x.example/l.png',
      '//x.example/l.png',
      'data:image/svg+xml;base64,AAAA',
      'data:text/html,x',
      'https://u:p@x.example/',
      'https://',
      '',
    ];
    for (const address of refused) expect(logoSource(address), address).to.equal(undefined);
  });
});

describe('assets', () => {
  let server: Server;
  let origin: string;

  before(async () => {
    const app = new Koa();
    app.use(pages.serveAssets());
    server = createServer(app.callback());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });

  it('are kept for a year under their hash, with a type, nosniff and an ETag', async () => {
    const answer = await fetch(`${origin}${pages.asset('lintel.css')}`);
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('content-type')).to.equal('text/css; charset=utf-8');
    expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
    expect(answer.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
    expect(await answer.text()).to.include('--brand');
    // Not by fetch: it adds `cache-control: no-cache` to a conditional request, and gets the whole file rightly.
    const etag = answer.headers.get('etag') ?? '';
    const again = await new Promise<IncomingMessage>((done) =>
      get(`${origin}${pages.asset('lintel.css')}`, { headers: { 'if-none-match': etag } }, done),
    );
    again.resume();
    expect(again.statusCode).to.equal(304);
  });

  it('are answered under a foreign hash, but not kept', async () => {
    const answer = await fetch(`${origin}/assets/0000000000000000/lintel.css`);
    expect(answer.status).to.equal(200);
    expect(answer.headers.get('cache-control')).to.equal('no-cache');
  });

  it('HEAD has no body, other methods and names are not ours', async () => {
    const head = await fetch(`${origin}${pages.asset('favicon.svg')}`, { method: 'HEAD' });
    expect(head.status).to.equal(200);
    expect(Number(head.headers.get('content-length'))).to.be.greaterThan(100);
    const strange = [
      '/assets/0000000000000000/../../package.json',
      '/assets/0000000000000000/%2e%2e%2fpackage.json',
      '/assets/0000000000000000/nothing.css',
      '/assets/lintel.css',
      '/assets/',
    ];
    for (const path of strange) expect((await fetch(`${origin}${path}`)).status, path).to.equal(404);
    expect((await fetch(`${origin}${pages.asset('lintel.css')}`, { method: 'POST' })).status).to.equal(405);
  });
});
