/** The demonstration's stage for journeys: on this run's database, so that they hold on PostgreSQL too. */
import { randomBytes } from 'node:crypto';
import { type Browser, type Page, passPages } from '../../src/demo/browser.ts';
import { people } from '../../src/demo/cast.ts';
import { openStage, type Stage } from '../../src/demo/stage.ts';
import { emptyDatabase, onPostgres, testDatabaseAddress } from '../support/database.ts';

export async function journeyStage(settings: Readonly<Record<string, string>> = {}): Promise<Stage> {
  if (!onPostgres) return openStage({ lintel: 0, application: 0, identityProvider: 0 }, () => undefined, settings);
  await emptyDatabase();
  return openStage({ lintel: 0, application: 0, identityProvider: 0 }, () => undefined, {
    LINTEL_DATABASE_URL: await testDatabaseAddress(),
    LINTEL_KEY: randomBytes(32).toString('base64'),
    ...settings,
  });
}

/** Signs a person in to the sample application as far as it goes. */
export async function signIn(
  stage: Stage,
  browser: Browser,
  username: string,
  more: Record<string, string> = {},
): Promise<Page> {
  const person = people.find((candidate) => candidate.username === username);
  if (!person) throw new Error(`Nobody is called ${username}.`);
  const first = await browser.open(`${stage.applicationUrl}/sign-in`);
  const fields = { identifier: person.email, username: person.username, password: person.password, ...more };
  return passPages(browser, first, { fields, arrived: (url) => url === `${stage.applicationUrl}/` });
}

export async function items(stage: Stage, token = stage.lastTokens()?.tokens.access_token ?? ''): Promise<number> {
  const response = await fetch(`${stage.applicationUrl}/api/items`, { headers: { authorization: `Bearer ${token}` } });
  await response.text();
  return response.status;
}

export const patchUser = (stage: Stage, username: string, value: Record<string, unknown>) =>
  stage.scim('PATCH', `/Users/${stage.scimIds.get(username)}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', value }],
  });
