/**
 * `npm run demo`: the whole story, unattended, on free ports; exits 0 when every part of it was so.
 * `npm run demo -- --serve`: the same stage on ports 3000 to 3002, left running to click through.
 */
import { parseArgs } from 'node:util';
import * as openid from 'openid-client';
import { Browser, type Page, passPages } from './browser.ts';
import { company, people } from './cast.ts';
import { openStage, type Stage } from './stage.ts';

let step = 0;
const say = (text: string) => process.stdout.write(`${text}\n`);
const tell = (sentence: string) => say(`${String(++step).padStart(2)}. ${sentence}`);
const indented = (value: unknown) => JSON.stringify(value, null, 2).replace(/^/gm, '      ');

class StoryBroken extends Error {}

/** Says what was seen, or ends the story. */
function see(sentence: string, isSo: boolean, seen?: unknown): void {
  if (!isSo) throw new StoryBroken(`It should have been so: ${sentence}\n${seen === undefined ? '' : indented(seen)}`);
  tell(sentence);
}

/** Signs a person in to the sample application: her address, then her company's own page, then back. */
async function signIn(stage: Stage, browser: Browser, username: string): Promise<Page> {
  const person = people.find((candidate) => candidate.username === username);
  if (!person) throw new Error(`Nobody is called ${username}.`);
  const first = await browser.open(`${stage.applicationUrl}/sign-in`);
  const fields = { identifier: person.email, username: person.username, password: person.password };
  return passPages(browser, first, { fields, arrived: (url) => url === `${stage.applicationUrl}/` });
}

async function story(stage: Stage): Promise<void> {
  const browser = new Browser();
  const page = await signIn(stage, browser, 'ada');
  const visited = [...new Set(page.trail.map((url) => new URL(url).host))];
  see(
    `Ada signed in to the sample application through Acme SSO; no password of hers ever reached Lintel.`,
    page.url === `${stage.applicationUrl}/` && stage.lastTokens() !== undefined,
    {
      url: page.url,
      title: page.title,
      visited,
      html: page.html.replace(/<[^>]*>|\s+/g, ' ').slice(0, 600),
    },
  );
  const { tokens, claims } = stage.lastTokens() as NonNullable<ReturnType<Stage['lastTokens']>>;
  say('    The claims of her ID token, checked by openid-client:');
  say(indented(claims));
  see('It names the person, the organization, the roles and the permissions.', isComplete(claims), claims);

  const items = await askItems(stage, tokens.access_token);
  see(`The items API took her access token and answered ${items.status}:`, items.status === 200, items);
  say(indented(items.body));
  const foreign = await askItems(stage, 'ltl_forged');
  see(`A forged token gets ${foreign.status}.`, foreign.status === 401, foreign);

  const other = new Browser();
  await signIn(stage, other, 'edsger');
  const denied = await askItems(stage, stage.lastTokens()?.tokens.access_token ?? '');
  see(
    `Edsger, who is not in the group, signs in too; the items API refuses him with ${denied.status}.`,
    denied.status === 403,
    denied,
  );

  await stage.scim('PATCH', `/Users/${stage.scimIds.get('ada')}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value: false }],
  });
  tell("Acme's directory sets Ada inactive.");
  const after = await askItems(stage, tokens.access_token);
  see(`At once her access token is dead: the items API answers ${after.status}.`, after.status === 401, after);
  if (tokens.refresh_token !== undefined) {
    const refreshed = await openid.refreshTokenGrant(stage.openid, tokens.refresh_token).then(
      () => 'accepted',
      (error: { error?: string }) => error.error ?? String(error),
    );
    see(`Her refresh token gets ${refreshed}.`, refreshed === 'invalid_grant', refreshed);
  }
  const userinfo = await fetch(String(stage.openid.serverMetadata().userinfo_endpoint), {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  see(`The userinfo endpoint answers ${userinfo.status}.`, userinfo.status === 401);
  const again = await signIn(stage, browser, 'ada');
  see(
    'Her session is gone, and signing in again through her company is refused.',
    again.url !== `${stage.applicationUrl}/`,
    again.url,
  );

  const { items: log } = await stage.rest<{ items: { action: string; actor_label: string }[] }>(
    'GET',
    `/organizations/${stage.orgId}/audit-logs?limit=200`,
  );
  say(`    All of it is in ${company.org_name}'s audit log, newest first; the last five of ${log.length}:`);
  for (const { action, actor_label } of log.slice(0, 5)) say(`      ${action.padEnd(28)} by ${actor_label}`);
}

const isComplete = (claims: openid.IDToken): boolean =>
  claims.email === 'ada@acme.example' &&
  claims.org_name === company.org_name &&
  Array.isArray(claims.roles) &&
  claims.roles.length > 0 &&
  Array.isArray(claims.permissions) &&
  claims.permissions.includes('items.read');

async function askItems(stage: Stage, token: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${stage.applicationUrl}/api/items`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}

function invite(stage: Stage): void {
  say(`\nOpen ${stage.applicationUrl} and sign in as one of these; the company's password is asked by the company.\n`);
  for (const { email, username, password, groups } of people) {
    say(
      `  ${email.padEnd(22)} at Acme SSO: ${username} / ${password}${groups.length > 0 ? `   (in ${groups.join(', ')})` : ''}`,
    );
  }
  say(`\nLintel's API pages: ${stage.lintelUrl}/api/docs   an API key for them: ${stage.apiKey}`);
  say('Everything is in memory and gone when you stop it with Ctrl-C.');
}

/** Runs the demonstration. @param serve leaves it running on fixed ports */
export async function demonstrate(serve: boolean): Promise<void> {
  const ports = serve
    ? { lintel: 3000, application: 3001, identityProvider: 3002 }
    : { lintel: 0, application: 0, identityProvider: 0 };
  const stage = await openStage(ports, tell);
  if (serve) {
    invite(stage);
    const stop = () => void stage.close().then(() => process.exit(0));
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    return;
  }
  try {
    await story(stage);
  } finally {
    await stage.close();
  }
  say('\nThe story holds.');
}

/** @returns whether the demonstration goes on serving; ends the process when anything else is asked */
function readArguments(): boolean {
  try {
    return parseArgs({ options: { serve: { type: 'boolean', default: false } } }).values.serve;
  } catch {
    process.stderr.write('The demonstration takes --serve and nothing else: npm run demo -- --serve\n');
    process.exit(1);
  }
}

if (import.meta.main) {
  demonstrate(readArguments()).catch((error: NodeJS.ErrnoException) => {
    const taken = error.code === 'EADDRINUSE' && 'Ports 3000 to 3002 have to be free; stop what uses them first.';
    const reason = error instanceof StoryBroken ? error.message : (error.stack ?? error.message);
    process.stderr.write(`\nThe story broke. ${taken || reason}\n`);
    process.exit(1);
  });
}
