import { expect } from 'chai';
import { type World, world } from '../support/world.ts';

describe('http/methods', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('a page that is asked by another method says 405 and what it knows', async () => {
    const home = (await w.request('/', { headers: { accept: 'text/html' } })).text;
    const [, asset = ''] = /"(\/assets\/[^"]+\.css)"/.exec(home) ?? [];
    const posted = ['GET', 'HEAD', 'POST'];
    const pages: [path: string, method: string, allow: string[]][] = [
      ['/', 'POST', ['GET', 'HEAD']],
      ['/api/docs', 'PUT', ['GET', 'HEAD']],
      ['/openapi.json', 'DELETE', ['GET', 'HEAD']],
      ['/dev/mail', 'POST', ['GET', 'HEAD']],
      ['/health/live', 'DELETE', ['GET', 'HEAD']],
      ['/health/ready', 'POST', ['GET', 'HEAD']],
      [asset, 'POST', ['GET', 'HEAD']],
      [`/setup/${'x'.repeat(43)}`, 'PUT', posted],
      [`/signin/${'x'.repeat(43)}`, 'POST', ['GET', 'HEAD']],
      [`/signin/${'x'.repeat(43)}/password`, 'DELETE', posted],
    ];
    for (const [path, method, allow] of pages) {
      const answer = await w.request(path, { method, headers: { accept: 'application/json' } });
      expect([answer.status, answer.body.code], `${method} ${path}`).to.deep.equal([405, 'method_not_allowed']);
      expect(answer.headers.get('allow'), path).to.equal(allow.join(', '));
    }
  });
});
