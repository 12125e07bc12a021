/** The link of the first administrator, used by two processes at the same moment (checklist AU-06, AU-14 of links in general). */
import { expect } from 'chai';
import { createSetupLink } from '../../src/signin/setup/service.ts';
import { Browser } from '../oidc/rp.ts';
import { formsOf } from '../signin/person.ts';
import { race, times } from './race.ts';
import { races, unique } from './stage.ts';

races(
  'the first administrator',
  (stageOf) => {
    it('AU-06: of twelve people who open the link at once one becomes the administrator, with one key', () => {
      const shown: { path: string; cookie: string; csrf: string }[] = [];
      return race(stageOf(), {
        prepare: async () => unique(),
        ready: async () => {
          const { w } = stageOf();
          await w.db('api_keys').delete();
          await w.db('users').delete();
          const path = new URL((await createSetupLink(w.app)) ?? '', w.url).pathname;
          const browser = new Browser(w);
          const page = await browser.go(path);
          const csrf = formsOf(page.text)[0]?.fields.csrf ?? '';
          shown.push({ path, csrf, cookie: browser.cookieFor(path) });
        },
        acts: (name) => {
          const { path, csrf, cookie } = shown.at(-1) as (typeof shown)[number];
          return times(12, (index) => (node) => {
            const form = {
              csrf,
              email: `${name}-${index}@first.example`,
              name: 'Ada Beam',
              password: `a long way home ${name}`,
            };
            return node.request(path, {
              method: 'POST',
              headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html', cookie },
              body: new URLSearchParams(form).toString(),
            });
          });
        },
        outcome: ({ status, text }) => (/ltl_key_/.test(text) ? 'administrator' : String(status)),
        gives: { administrator: 1, '404': 11 },
        after: async () => {
          const { w } = stageOf();
          expect(await w.db('users')).to.have.length(1);
          expect(await w.db('api_keys')).to.have.length(1);
          expect(await w.db('user_roles').whereNull('org_id')).to.have.length(1);
        },
      });
    });
  },
  { isNew: true },
);
