/** The egress guard: what may not be reached is not even connected to. */
import dns from 'node:dns';
import { createServer, type RequestListener, type Server } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { EgressInit } from '../../src/core/app.ts';
import { Fault } from '../../src/core/fault.ts';
import { createEgress, type Egress, isPublicAddress } from '../../src/http/egress.ts';

describe('http/egress', () => {
  /** Listens on every interface and only counts. */
  let canary: TcpServer;
  let touched = 0;
  let canaryPort: number;
  let upstream: Server;
  let upstreamPort: number;
  let answer: RequestListener;
  let strict: Egress;
  let allowing: Egress;

  before(async () => {
    canary = createTcpServer((socket) => {
      touched += 1;
      socket.on('error', () => undefined);
      socket.destroy();
    });
    await new Promise<void>((resolve) => canary.listen(0, '::', resolve));
    canaryPort = (canary.address() as AddressInfo).port;
    upstream = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    upstreamPort = (upstream.address() as AddressInfo).port;
    strict = createEgress([]);
    allowing = createEgress([`127.0.0.1:${upstreamPort}`]);
  });
  after(async () => {
    upstream.closeAllConnections();
    await new Promise((resolve) => upstream.close(resolve));
    await new Promise((resolve) => canary.close(resolve));
    await strict.close();
    await allowing.close();
  });
  beforeEach(() => {
    touched = 0;
  });

  const outcome = async (egress: Egress, url: string, init?: EgressInit): Promise<string> => {
    try {
      return String((await egress.fetch(url, init)).status);
    } catch (error) {
      return error instanceof Fault ? error.code : String(error);
    }
  };

  const hosts = [
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.1.',
    'localhost',
    'LOCALHOST',
    'localhost.',
    '0.0.0.0',
    '0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.170',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:169.254.169.254]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[2002:7f00:1::]',
    '[2001::1]',
    '１２７.0.0.1',
    '127。0。0。1',
    '①②⑦.0.0.1',
  ]; // prettier-ignore

  it('SS-01: refuses every notation of an address that is not public, without a single connect', async () => {
    for (const host of hosts) {
      for (const scheme of ['https', 'http']) {
        // `localhost.` is a name that some resolvers do not know: then it fails, which connects to nothing either.
        const expected = host === 'localhost.' ? ['egress_refused', 'egress_failed'] : ['egress_refused'];
        expect(await outcome(strict, `${scheme}://${host}:${canaryPort}/`), `${scheme}://${host}`).to.be.oneOf(
          expected,
        );
      }
    }
    expect(touched).to.equal(0);
  });

  it('sees a connect when there is one (the canary sings)', async () => {
    const open = createEgress(['127.0.0.1']);
    expect(await outcome(open, `http://127.0.0.1:${canaryPort}/`)).to.equal('egress_failed');
    expect(touched).to.equal(1);
    await open.close();
  });

  it('SS-01: refuses other schemes, credentials in the address, and plain http to public names', async () => {
    for (const url of [
      'http://93.184.215.14/',
      'http://example.com/',
      'ftp://example.com/',
      'file:///etc/passwd',
      'gopher://127.0.0.1/',
      'data:text/plain,x',
      'https://user:secret@93.184.215.14/',
      'not a url',
      '',
    ]) {
      expect(await outcome(strict, url), url).to.equal('egress_refused');
    }
  });

  describe('with DNS that lies', () => {
    const real = dns.lookup;
    afterEach(() => {
      dns.lookup = real;
      syncBuiltinESMExports();
    });
    /** The outside world's name server: answers in turn. */
    const answers = (...lists: string[][]) => {
      let turn = 0;
      const lie = (_name: string, _options: object, callback: (error: null, addresses: object[]) => void) => {
        const list = lists[Math.min(turn++, lists.length - 1)] ?? [];
        callback(
          null,
          list.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
      };
      dns.lookup = lie as unknown as typeof dns.lookup;
      syncBuiltinESMExports();
      return () => turn;
    };

    it('SS-01: refuses a name that leads inside, also when only one of its addresses does', async () => {
      for (const list of [
        ['127.0.0.1'],
        ['3ffe:ffff::1', '127.0.0.1'],
        ['::1'],
        ['::ffff:127.0.0.1'],
        ['10.0.0.1'],
        [],
      ]) {
        answers(list);
        expect(await outcome(strict, `https://evil.example:${canaryPort}/`), String(list)).to.equal('egress_refused');
      }
      expect(touched).to.equal(0);
    });

    it('SS-01: connects to the address that was checked: a second answer is never asked for', async () => {
      // An address of 2000::/3 that nobody routes: the connect has to fail, not to go inside.
      const asked = answers(['3ffe:ffff::1'], ['127.0.0.1'], ['127.0.0.1']);
      expect(await outcome(strict, `https://rebind.example:${canaryPort}/`, { timeoutMs: 400 })).to.equal(
        'egress_failed',
      );
      expect(touched).to.equal(0);
      expect(asked()).to.equal(1);
    });
  });

  it('SS-03: follows no redirect unless it is told, and checks each address anew', async () => {
    answer = (_request, response) => response.writeHead(302, { location: `http://127.0.0.1:${canaryPort}/` }).end();
    const from = `http://127.0.0.1:${upstreamPort}/`;
    expect(await outcome(allowing, from)).to.equal('egress_failed');
    expect(await outcome(allowing, from, { redirects: 3 })).to.equal('egress_refused');
    answer = (_request, response) => response.writeHead(307, { location: `//localhost:${canaryPort}/` }).end();
    expect(await outcome(allowing, from, { redirects: 3 })).to.equal('egress_refused');
    answer = (_request, response) => response.writeHead(301, { location: 'file:///etc/passwd' }).end();
    expect(await outcome(allowing, from, { redirects: 3 })).to.equal('egress_refused');
    expect(touched).to.equal(0);
    answer = (_request, response) => response.writeHead(302, { location: '/again' }).end();
    expect(await outcome(allowing, from, { redirects: 3 })).to.equal('egress_failed');
    answer = (request, response) =>
      request.url === '/end' ? response.end('here') : response.writeHead(302, { location: '/end' }).end();
    expect(await allowing.fetch(from, { redirects: 1 })).to.include({ status: 200, body: 'here', url: `${from}end` });
  });

  it('SS-03: bounds the size and the time of an answer', async () => {
    const from = `http://127.0.0.1:${upstreamPort}/`;
    answer = (_request, response) => response.end('x'.repeat(2000));
    expect(await outcome(allowing, from, { maxBytes: 1999 })).to.equal('egress_failed');
    expect(await outcome(allowing, from, { maxBytes: 2000 })).to.equal('200');
    answer = (_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    };
    const began = performance.now();
    expect(await outcome(allowing, from, { timeoutMs: 300 })).to.equal('egress_failed');
    answer = () => undefined;
    expect(await outcome(allowing, from, { timeoutMs: 300 })).to.equal('egress_failed');
    expect(performance.now() - began).to.be.below(2500);
  });

  it('SS-03: unpacks nothing', async () => {
    answer = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(1_000_000)));
    const { body } = await allowing.fetch(`http://127.0.0.1:${upstreamPort}/`, { maxBytes: 5000 });
    expect(body.length).to.be.below(5000);
  });

  it('SS-07: lets the operator allow a host, and that port only', async () => {
    answer = (request, response) => response.end(String(request.headers['user-agent']));
    expect((await allowing.fetch(`http://127.0.0.1:${upstreamPort}/`)).body).to.equal('Lintel');
    expect(await outcome(allowing, `http://127.0.0.1:${canaryPort}/`)).to.equal('egress_refused');
    expect(touched).to.equal(0);
  });

  it('SS-07: lets the operator allow the usual port by its number', async () => {
    const usual = createEgress(['127.0.0.2:443', '127.0.0.2:80']);
    for (const url of ['https://127.0.0.2/', 'http://127.0.0.2/'])
      expect(await outcome(usual, url), 'nothing listens there').to.equal('egress_failed');
    expect(await outcome(usual, 'https://127.0.0.2:444/')).to.equal('egress_refused');
    await usual.close();
  });

  it('tells the operator, not who asked, which host was refused', async () => {
    const told: string[] = [];
    const telling = createEgress([], (host) => told.push(host));
    for (const url of ['http://idp.corp.example/metadata', 'https://10.0.3.7:8443/', 'https://localhost/']) {
      const error = await telling.fetch(url).catch((thrown: Error) => thrown);
      expect(error).to.be.instanceOf(Fault);
      expect((error as Fault).detail).to.equal('Only public https addresses can be reached.');
    }
    await telling.close();
    expect(told).to.deep.equal(['idp.corp.example', '10.0.3.7:8443', 'localhost']);
  });

  it('takes for public what surely is', () => {
    for (const address of ['93.184.215.14', '8.8.8.8', '2606:4700::1111', '172.32.0.1', '11.0.0.1']) {
      expect(isPublicAddress(address), address).to.equal(true);
    }
    for (const address of ['', 'example.com', '999.1.1.1', '1', '::ffff:8.8.8.8', '64:ff9b::808:808', '240.0.0.1']) {
      expect(isPublicAddress(address), address).to.equal(false);
    }
  });
});
