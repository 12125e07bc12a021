/** Requests as bytes: what proxies and servers could read differently is refused, and slow or silent clients are let go. */
import { expect } from 'chai';
import { connect, type Socket } from 'node:net';
import { serve } from '../../src/main.ts';
import { type World, world } from '../support/world.ts';

describe('load: the wire', () => {
  let w: World;
  /** The name of the server, filled in once it listens. */
  const host = '{host}';
  const named = (bytes: string): string => bytes.replaceAll(host, new URL(w.url).host);
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  /** Sends bytes; gives everything that came back, once the connection is closed. */
  const exchange = (bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let got = '';
      const socket: Socket = connect(Number(new URL(w.url).port), 'localhost', () =>
        socket.write(named(bytes), 'latin1'),
      );
      socket.setEncoding('latin1').on('data', (part: string) => (got += part));
      socket.once('close', () => resolve(got));
      socket.once('error', (error: NodeJS.ErrnoException) => (got === '' ? reject(error) : resolve(got)));
      socket.setTimeout(5000, () => {
        socket.destroy();
        reject(new Error(`The connection stayed open after: ${got.slice(0, 200)}`));
      });
    });
  const head = (...lines: string[]): string =>
    ['POST /oauth/token HTTP/1.1', `Host: ${host}`, 'Content-Type: application/x-www-form-urlencoded', ...lines].join(
      '\r\n',
    );
  /** What would be a second request, if the first were read otherwise. */
  const smuggled = `GET /health/live HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const chunked = 'Transfer-Encoding: chunked';

  const cases: Record<string, string> = {
    'Content-Length and Transfer-Encoding': `${head('Content-Length: 6', chunked)}\r\n\r\n0\r\n\r\n${smuggled}`,
    'Transfer-Encoding and Content-Length': `${head(chunked, 'Content-Length: 6')}\r\n\r\n0\r\n\r\n${smuggled}`,
    'two lengths that differ': `${head('Content-Length: 3', 'Content-Length: 4')}\r\n\r\na=1b${smuggled}`,
    'two lengths that agree': `${head('Content-Length: 3', 'Content-Length: 3')}\r\n\r\na=1${smuggled}`,
    'two lengths in one line': `${head('Content-Length: 3, 3')}\r\n\r\na=1${smuggled}`,
    'a length with a sign': `${head('Content-Length: +3')}\r\n\r\na=1${smuggled}`,
    'a negative length': `${head('Content-Length: -1')}\r\n\r\n${smuggled}`,
    'a hexadecimal length': `${head('Content-Length: 0x3')}\r\n\r\na=1${smuggled}`,
    'an enormous length': `${head(`Content-Length: ${'9'.repeat(30)}`)}\r\n\r\n${smuggled}`,
    'another coding before chunked': `${head('Transfer-Encoding: xchunked')}\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked, identity': `${head('Transfer-Encoding: chunked, identity')}\r\n\r\n0\r\n\r\n${smuggled}`,
    'chunked twice in one line': `${head('Transfer-Encoding: chunked, chunked')}\r\n\r\n0\r\n\r\n${smuggled}`,
    'a space before the colon': `${head('Transfer-Encoding : chunked')}\r\n\r\n0\r\n\r\n${smuggled}`,
    'a control character in the coding': `${head('Transfer-Encoding: \u000bchunked')}\r\n\r\n0\r\n\r\n${smuggled}`,
    'a folded line': `${head('X-A: b', ' c')}\r\nContent-Length: 0\r\n\r\n${smuggled}`,
    'a bare LF after a header': `${head('Content-Length: 0')}\nX: y\r\n\r\n${smuggled}`,
    'a bare CR in a header': `${head('X-A: b\rContent-Length: 3', 'Content-Length: 0')}\r\n\r\n${smuggled}`,
    'a null in a header': `${head('X-A: a\u0000b', 'Content-Length: 0')}\r\n\r\n${smuggled}`,
    'a chunk size with a sign': `${head(chunked)}\r\n\r\n+3\r\na=1\r\n0\r\n\r\n${smuggled}`,
    'a chunk size with 0x': `${head(chunked)}\r\n\r\n0x3\r\na=1\r\n0\r\n\r\n${smuggled}`,
    'a chunk size that overflows': `${head(chunked)}\r\n\r\n${'f'.repeat(17)}\r\na=1\r\n0\r\n\r\n${smuggled}`,
    'a chunk size and a bare LF': `${head(chunked)}\r\n\r\n3\na=1\r\n0\r\n\r\n${smuggled}`,
    'a chunk longer than it says': `${head(chunked)}\r\n\r\n3\r\na=12\r\n0\r\n\r\n${smuggled}`,
    'a negative chunk': `${head(chunked)}\r\n\r\n-1\r\na=1\r\n0\r\n\r\n${smuggled}`,
    'no chunk size': `${head(chunked)}\r\n\r\n\r\na=1\r\n0\r\n\r\n${smuggled}`,
    'another protocol': `GET / HTTP/9.9\r\nHost: ${host}\r\n\r\n${smuggled}`,
    'no protocol': `GET /\r\n\r\n${smuggled}`,
    'a space before the method': ` GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n${smuggled}`,
    'a method that is none': `GE\u0000T / HTTP/1.1\r\nHost: ${host}\r\n\r\n${smuggled}`,
  };
  for (const [what, bytes] of Object.entries(cases)) {
    it(`WB-12: ${what} is refused with 400, and the connection is closed`, async () => {
      const got = await exchange(bytes);
      const answers = got.match(/HTTP\/1\.1 \d{3}/g);
      expect(answers?.at(-1), got.slice(0, 300)).to.equal('HTTP/1.1 400');
      // What follows was never a request.
      expect(got).not.to.include('HTTP/1.1 200');
      expect(answers?.length, got).to.be.at.most(2);
    });
  }

  it('WB-12: two Hosts, or none, are refused', async () => {
    const close = 'Connection: close';
    expect(await exchange(`GET /health/live HTTP/1.1\r\n${close}\r\n\r\n`)).to.match(/^HTTP\/1\.1 400/);
    const twice = await exchange(`GET / HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n${close}\r\n\r\n`);
    expect(twice).to.match(/^HTTP\/1\.1 400/);
  });

  it('WB-12: more than 16 KiB of headers are refused, and the connection is closed', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `X-${i}: ${'a'.repeat(1000)}`).join('\r\n');
    expect(await exchange(`GET / HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n\r\n`)).to.match(/^HTTP\/1\.1 431/);
  });

  it('RE-12: times for headers, for bodies and for silence, and a cap of connections, are set', () => {
    const server = serve(w.lintel);
    expect(server.headersTimeout).to.be.within(1000, 15_000);
    expect(server.requestTimeout).to.be.within(1000, 60_000);
    expect(server.keepAliveTimeout).to.be.within(1000, 120_000);
    expect(server.timeout).to.be.within(10_000, 300_000);
    expect(server.maxConnections).to.be.within(100, 100_000);
  });

  it('RE-12: who sends no headers, or no body, to their end is told 408 and let go', async () => {
    // The same server with its times shortened: what is shown is that they end a connection at every stage.
    const server = serve(w.lintel);
    Object.assign(server, { headersTimeout: 300, requestTimeout: 600 });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as { port: number };
    const slowly = (first: string): Promise<string> =>
      new Promise((resolve) => {
        let got = '';
        const socket = connect(port, 'localhost', () => socket.write(named(first)));
        const drip = setInterval(() => socket.write('a'), 50);
        socket.setEncoding('latin1').on('data', (part: string) => (got += part));
        socket.on('error', () => {});
        socket.once('close', () => {
          clearInterval(drip);
          resolve(got);
        });
      });
    const answers = await Promise.all([
      slowly(`GET / HTTP/1.1\r\nHost: ${host}\r\nX-A: `),
      slowly(`${head('Content-Length: 30000')}\r\n\r\n`),
    ]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const answer of answers) expect(answer).to.match(/^HTTP\/1\.1 408/);
  }).timeout(20_000);

  it('RE-11: a connection that sends on without its answers is let go; a few at once are answered in order', async () => {
    const get = (path: string, ...more: string[]) =>
      [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...more, '', ''].join('\r\n');
    const few = await exchange(`${get('/health/live').repeat(7)}${get('/openapi.json', 'Connection: close')}`);
    expect(few.match(/HTTP\/1\.1 200/g)).to.have.length(8);
    expect(few).to.match(/openapi.*\}$/s);
    const many = await exchange(get('/health/ready').repeat(200)).catch(({ message }: Error) => message);
    expect(many).not.to.include('stayed open');
    expect(many.match(/HTTP\/1\.1/g) ?? []).to.have.length.below(17);
    expect((await w.request('/health/live', {})).status).to.equal(200);
  });
});
