import { expect } from 'chai';
import Koa from 'koa';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createPages } from '../../src/http/pages.ts';
import { EdgeState } from '../../src/http/server.ts';
import { site } from '../../src/site/pages.ts';
import { type World, world } from '../support/world.ts';

describe('site/pages', () => {
  let w: World;
  before(async () => {
    w = await world();
  });
  after(() => w.close());

  it('RE-17: the page of the API is rendered once, and each answer has a nonce of its own', async () => {
    const pages = createPages({ viewsDir: join(import.meta.dirname, '../../views') });
    let rendered = 0;
    const counting = Object.assign(Object.create(pages) as typeof pages, {
      render: (...asked: Parameters<typeof pages.render>) => {
        rendered += 1;
        return pages.render(...asked);
      },
    });
    const koa = new Koa();
    const nonces: string[] = [];
    koa.use(async (context, next) => {
      const state = new EdgeState(null);
      context.state = state;
      await next();
      nonces.push(state.nonce);
    });
    koa.use(site({ app: w.app, pages: counting, openapi: { info: {}, paths: {}, tags: [] }, version: '1' }));
    const server = createServer(koa.callback());
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    const { port } = server.address() as AddressInfo;
    const texts: string[] = [];
    for (let time = 0; time < 3; time += 1) texts.push(await (await fetch(`http://localhost:${port}/api/docs`)).text());
    server.close();
    expect(new Set(nonces).size).to.equal(3);
    for (const [index, text] of texts.entries()) {
      const named = new Set([...text.matchAll(/nonce="([^"]+)"/g)].map(([, nonce]) => nonce));
      expect([...named]).to.deep.equal([nonces[index]]);
    }
    expect(rendered).to.equal(1);
  });
});
