/** People on their way in through their company's identity provider, as far as the door: everything but the last request. */
import { authorizationUrl, Browser, type RelyingParty, verifierOf } from '../oidc/rp.ts';
import { type Company, codeOf, company, type Person, post, readRequest, response } from '../federation/company.ts';
import type { World } from '../support/world.ts';

/** A company whose people sign in through its identity provider alone, so that no page asks them anything. */
export async function gate(w: World): Promise<Company> {
  const made = await company(w, { auto_provision: true });
  const off = await w.api('PUT', `/organizations/${made.org_id}/login-methods/password`, { enabled: false });
  if (off.status !== 200) throw new Error(`no gate: ${off.status} ${off.text}`);
  return made;
}

export interface Sent {
  readonly browser: Browser;
  readonly request_id: string;
  readonly relay_state: string;
  readonly verifier: string;
}

/** A browser that an application sent here, and that was sent on to the identity provider. */
export async function sentOn(w: World, c: Company, client: RelyingParty): Promise<Sent> {
  const browser = new Browser(w);
  const address = authorizationUrl(client, { organization_id: c.org_id });
  const begun = await browser.go(address);
  const page = await browser.go(begun.location ?? '');
  const [, url = ''] = /href="([^"]*SAMLRequest=[^"]*)"/.exec(page.text) ?? [];
  if (url === '') throw new Error(`not sent on: ${begun.status} ${page.status} ${page.text.slice(0, 500)}`);
  return { browser, verifier: verifierOf(address), ...readRequest(url.replaceAll('&amp;', '&')) };
}

/** The form that the identity provider gives the browser for us. */
export const formOf = (w: World, c: Company, sent: Sent, person: Person) => ({
  SAMLResponse: response(w, c, sent, person),
  RelayState: sent.relay_state,
});

/** The same, accepted: the way back into the sign-in, with the one-time code. */
export async function arrived(
  w: World,
  c: Company,
  client: RelyingParty,
  person: Person,
): Promise<Sent & { back: string }> {
  const sent = await sentOn(w, c, client);
  const answer = await post(w, c.provider.sp.acs_url, formOf(w, c, sent, person));
  if (codeOf(answer) === null) throw new Error(`not accepted: ${answer.status} ${answer.text.slice(0, 500)}`);
  return { ...sent, back: answer.headers.get('location') ?? '' };
}
