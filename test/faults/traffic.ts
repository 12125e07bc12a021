/**
 * People, administrators and a directory who work with Lintel at the same time: sign-in, code exchange, refresh, REST and SCIM
 * writes, by a seeded choice. Each request either is answered, or nobody knows what became of it; the journal keeps both apart.
 * Over 300 lines because each kind of work needs what the others leave behind.
 */
import { randomBytes } from 'node:crypto';
import { Browser, type Page, passPages } from '../../src/demo/browser.ts';
import { Journal, type KindName } from './journal.ts';
import { authorizationUrl, verifierOf } from '../oidc/rp.ts';
import { Random } from '../support/random.ts';
import { PATCH, USER } from '../scim/door.ts';
import { pause } from '../support/waiting.ts';

const password = 'seven quiet geese cross the canal';
const redirectUri = 'http://localhost:1/callback';

/** Nobody knows whether it was done: no answer, or one that says that the server does not know either. */
class Unanswered extends Error {}

interface Said {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Worker {
  readonly name: string;
  readonly random: Random;
  readonly email: string;
  browser: Browser | undefined;
  refreshToken: string | undefined;
  accessToken: string | undefined;
  /** The refresh token that was taken last, and when. */
  old: { token: string; at: number } | undefined;
}

export interface TrafficOptions {
  readonly url: string;
  readonly apiKey: string;
  readonly workers: number;
  readonly seed: number;
  /** Every answer that is not what was asked for is remembered in `refused`; else it counts as unanswered. */
  readonly strict?: boolean;
}

export class Traffic {
  readonly journal = new Journal();
  /** Operations that ended, however. */
  operations = 0;
  /** Operations that ended with the answer that they wanted. */
  succeeded = 0;
  readonly byKind = new Map<string, number>();
  /** In strict traffic: answers other than those that were asked for. */
  readonly refused: string[] = [];
  readonly #options: TrafficOptions;
  readonly #workers: Worker[] = [];
  #count = 0;
  #orgId = '';
  #groupId = '';
  #applicationId = '';
  #scimToken = '';
  #serviceAccount = '';
  readonly #users: string[] = [];
  readonly #scimUsers: string[] = [];
  readonly #roles: string[] = [];

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  get groupId(): string {
    return this.#groupId;
  }

  /** One organization, one application, a directory, and a person for each worker. */
  async prepare(): Promise<void> {
    const made = async (path: string, body: object) => {
      const said = await this.#api('POST', path, body);
      if (said.status !== 201) throw new Error(`${path}: ${said.status} ${JSON.stringify(said.body)}`);
      return said.body as Record<string, string>;
    };
    this.#orgId = (await made('/organizations', { org_name: 'Traffic' })).org_id ?? '';
    const at = `/organizations/${this.#orgId}`;
    const application = await made('/applications', {
      client_name: 'Traffic',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      first_party: true,
    });
    this.#applicationId = application.client_id ?? '';
    const { client_id } = await made(`${at}/scim-clients`, { name: 'Directory' });
    this.#scimToken = (await made(`${at}/scim-clients/${client_id}/tokens`, {})).token ?? '';
    this.#groupId = (await made(`${at}/groups`, { name: 'Everybody' })).group_id ?? '';
    this.journal.keep('group', this.#groupId, 'Everybody');
    this.#serviceAccount =
      (await made(`${at}/service-accounts`, { name: 'Robot', permissions: ['users.read'] })).service_account_id ?? '';
    const role = await made(`${at}/roles`, { name: 'Clerk' });
    await this.#api('POST', `${at}/groups/${this.#groupId}/roles`, { role_id: role.role_id });
    const random = new Random(this.#options.seed);
    for (let index = 0; index < this.#options.workers; index += 1) {
      const email = `worker-${index}@people.example`;
      await made('/users', { email, password });
      this.#workers.push({
        name: `worker ${index}`,
        random: new Random(random.below(2 ** 32)),
        email,
        browser: undefined,
        refreshToken: undefined,
        accessToken: undefined,
        old: undefined,
      });
    }
  }

  /** Works until `enough` says so. */
  async run(enough: () => boolean): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        while (!enough()) await this.#step(worker);
      }),
    );
  }

  /** Refresh tokens that were acknowledged last must still work, and what was used before must not. */
  async settle(): Promise<void> {
    for (const worker of this.#workers) {
      if (worker.refreshToken === undefined) continue;
      const said = await this.#token({ grant_type: 'refresh_token', refresh_token: worker.refreshToken });
      if (said.status !== 200)
        this.journal.violations.push(
          `A refresh token of ${worker.name} is lost: ${said.status} ${JSON.stringify(said.body)}`,
        );
      else this.journal.used(worker.refreshToken);
    }
  }

  async #step(worker: Worker): Promise<void> {
    const table = this.#operations;
    const total = table.reduce((sum, [weight]) => sum + weight, 0);
    let chosen = worker.random.next() * total;
    const [, kind, operation] = table.find(([weight]) => (chosen -= weight) < 0) ?? table[0] ?? this.#never();
    try {
      await operation(worker);
      this.succeeded += 1;
      this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + 1);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (this.#options.strict) this.refused.push(`${kind}: ${error.message}`);
      // Nobody is there: wait a moment, as a client would.
      await pause(30);
    }
    this.operations += 1;
  }

  #never(): never {
    throw new Error('There is nothing to do.');
  }

  readonly #operations: readonly (readonly [number, string, (worker: Worker) => Promise<unknown>])[] = [
    [3, 'sign-in', (worker) => this.#signIn(worker)],
    [6, 'single sign-on', (worker) => this.#exchange(worker)],
    [14, 'refresh', (worker) => this.#refresh(worker)],
    [9, 'create user', (worker) => this.#createUser(worker)],
    [14, 'update user', (worker) => this.#updateUser(worker)],
    [4, 'create group', (worker) => this.#create(worker, 'group', 'groups', (name) => ({ name }))],
    [4, 'create role', (worker) => this.#createRole(worker)],
    [2, 'create unit', (worker) => this.#create(worker, 'unit', 'units', (name) => ({ name }))],
    [6, 'grant role', (worker) => this.#grant(worker)],
    [6, 'create API key', (worker) => this.#createApiKey(worker)],
    [
      2,
      'create service account',
      (worker) => this.#create(worker, 'service_account', 'service-accounts', (name) => ({ name, permissions: [] })),
    ],
    [3, 'create domain', (worker) => this.#createDomain(worker)],
    [9, 'SCIM create', () => this.#scimCreate()],
    [10, 'SCIM patch', (worker) => this.#scimPatch(worker)],
    [5, 'SCIM membership', (worker) => this.#scimMembership(worker)],
    [3, 'SCIM delete', (worker) => this.#scimDelete(worker)],
  ];

  #next(prefix: string): string {
    this.#count += 1;
    return `${prefix}-${this.#options.seed}-${this.#count}`;
  }

  #any(worker: Worker, from: readonly string[]): string | undefined {
    return worker.random.pick(from);
  }

  // --- requests ---

  async #send(path: string, init: RequestInit, meant: readonly number[]): Promise<Said> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, this.#options.url), { redirect: 'manual', ...init });
      text = await response.text();
    } catch (cause) {
      throw new Unanswered(`${init.method} ${path.split('?')[0]}: ${(cause as Error).message}`, { cause });
    }
    const { status } = response;
    if (status >= 500) throw new Unanswered(`${init.method} ${path.split('?')[0]}: ${status} ${text.slice(0, 200)}`);
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    if (!meant.includes(status)) {
      this.journal.violations.push(`${init.method} ${path.split('?')[0]}: ${status} ${text.slice(0, 200)}`);
      throw new Unanswered(`${status}`);
    }
    return { status, body };
  }

  #api(method: string, path: string, body?: unknown, key?: string, meant = [200, 201, 204]): Promise<Said> {
    const headers = {
      authorization: `Bearer ${this.#options.apiKey}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.#send(`/api/v1${path}`, { method, headers, ...sent }, meant);
  }

  #scim(method: string, path: string, body?: unknown, meant = [200, 201, 204]): Promise<Said> {
    const headers = { authorization: `Bearer ${this.#scimToken}`, 'content-type': 'application/scim+json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.#send(`/scim/v2${path}`, { method, headers, ...sent }, meant);
  }

  #token(parameters: Record<string, string>): Promise<Said> {
    const body = new URLSearchParams({ client_id: this.#applicationId, ...parameters });
    return this.#send('/oauth/token', { method: 'POST', body }, [200, 400]);
  }

  // --- making things ---

  /** Half of them with an Idempotency-Key, and then asked again until there is an answer: done once all the same. */
  async #create(
    worker: Worker,
    kind: KindName,
    path: string,
    body: (name: string) => object,
    id = `${kind}_id`,
  ): Promise<string> {
    const name = this.#next(kind);
    return this.#make(worker, kind, `/organizations/${this.#orgId}/${path}`, name, body(name), id);
  }

  async #make(worker: Worker, kind: KindName, path: string, name: string, body: object, id: string): Promise<string> {
    const key = worker.random.chance(0.5) ? randomBytes(12).toString('base64url') : undefined;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const said = await this.#api('POST', path, body, key);
        const made = String(said.body[id]);
        this.journal.keep(kind, made, name);
        return made;
      } catch (error) {
        if (!(error instanceof Unanswered) || key === undefined || attempt === 20 || this.#options.strict) {
          this.journal.doubt(kind, name);
          throw error;
        }
        await pause(100);
      }
    }
  }

  async #createUser(worker: Worker): Promise<void> {
    const email = `${this.#next('rest')}@traffic.example`;
    const path = `/organizations/${this.#orgId}/users`;
    this.#users.push(await this.#make(worker, 'user', path, email, { email, first_name: 'New' }, 'user_id'));
  }

  async #createRole(worker: Worker): Promise<void> {
    this.#roles.push(await this.#create(worker, 'role', 'roles', (name) => ({ name })));
  }

  async #createApiKey(worker: Worker): Promise<void> {
    await this.#create(worker, 'api_key', 'api-keys', (name) => ({
      name,
      service_account_id: this.#serviceAccount,
      scopes: ['users.read'],
    }));
  }

  async #createDomain(worker: Worker): Promise<void> {
    const domain = `${this.#next('d')}.example`;
    await this.#make(worker, 'domain', `/organizations/${this.#orgId}/domains`, domain, { domain }, 'domain');
  }

  async #grant(worker: Worker): Promise<void> {
    const user = this.#any(worker, this.#users);
    const role_id = this.#any(worker, this.#roles);
    if (user === undefined || role_id === undefined) return;
    await this.#api('POST', `/organizations/${this.#orgId}/members/${user}/roles`, { role_id });
  }

  // --- changing people ---

  async #rename(user: string, request: (name: string) => Promise<unknown>): Promise<void> {
    const names = this.journal.firstNames.get(user) ?? { acknowledged: 'New', asked: [], count: 0, unsure: 0 };
    // Nobody else changes a person while this is asked: what is acknowledged last is what must be there.
    if (names.asked.includes('…')) return;
    const name = this.#next('Name');
    this.journal.firstNames.set(user, { ...names, asked: [...names.asked, name, '…'] });
    const asked = [...names.asked, name];
    try {
      await request(name);
      this.journal.firstNames.set(user, { ...names, acknowledged: name, asked: [], count: names.count + 1 });
    } catch (error) {
      this.journal.firstNames.set(user, { ...names, asked, unsure: names.unsure + 1 });
      throw error;
    }
  }

  async #updateUser(worker: Worker): Promise<void> {
    const user = this.#any(worker, this.#users);
    if (user === undefined) return;
    await this.#rename(user, (first_name) =>
      this.#api('PATCH', `/organizations/${this.#orgId}/users/${user}`, { first_name }),
    );
  }

  async #scimCreate(): Promise<void> {
    const email = `${this.#next('scim')}@traffic.example`;
    try {
      const said = await this.#scim('POST', '/Users', {
        schemas: [USER],
        userName: email,
        externalId: email,
        emails: [{ value: email, primary: true }],
        name: { givenName: 'New' },
      });
      this.#scimUsers.push(String(said.body.id));
      this.journal.keep('user', String(said.body.id), email);
    } catch (error) {
      this.journal.doubt('user', email);
      throw error;
    }
  }

  async #scimPatch(worker: Worker): Promise<void> {
    const user = this.#any(worker, this.#scimUsers);
    if (user === undefined) return;
    await this.#rename(user, (name) =>
      this.#scim('PATCH', `/Users/${user}`, {
        schemas: [PATCH],
        Operations: [{ op: 'replace', path: 'name.givenName', value: name }],
      }),
    );
  }

  async #scimMembership(worker: Worker): Promise<void> {
    const user = this.#any(worker, this.#users);
    if (user === undefined) return;
    const joins = worker.random.chance(0.7);
    if (this.journal.members.has(user) && this.journal.members.get(user) === undefined) return;
    this.journal.members.set(user, undefined);
    const operation = joins
      ? { op: 'add', path: 'members', value: [{ value: user }] }
      : { op: 'remove', path: `members[value eq "${user}"]` };
    await this.#scim('PATCH', `/Groups/${this.#groupId}`, { schemas: [PATCH], Operations: [operation] });
    this.journal.members.set(user, joins);
  }

  async #scimDelete(worker: Worker): Promise<void> {
    const at = worker.random.below(this.#scimUsers.length);
    const [user] = this.#scimUsers.splice(at, 1);
    if (user === undefined) return;
    this.journal.perhapsDeleted.add(user);
    // A rename that is under way may find it gone; that is no fault.
    if (this.journal.firstNames.get(user)?.asked.includes('…')) return void this.#scimUsers.push(user);
    await this.#scim('DELETE', `/Users/${user}`);
    this.journal.deleted.add(user);
  }

  // --- signing in ---

  async #code(worker: Worker, browser: Browser): Promise<{ code: string; verifier: string }> {
    const asked = { redirect_uri: redirectUri, scope: 'openid email offline_access', prompt: 'consent' };
    const address = new URL(authorizationUrl({ client_id: this.#applicationId }, asked), this.#options.url).href;
    const stop = (url: string) => url.startsWith(redirectUri);
    let page: Page;
    try {
      const first = await browser.open(address, stop);
      const fields = { identifier: worker.email, password };
      page = await passPages(browser, first, { fields, arrived: stop }, stop);
    } catch (cause) {
      throw new Unanswered(`sign-in: ${(cause as Error).message}`, { cause });
    }
    const code = new URL(page.url).searchParams.get('code');
    if (!stop(page.url) || code === null)
      throw new Unanswered(`sign-in ended at ${page.url.split('?')[0]} ${page.status} ${page.title}`);
    return { code, verifier: verifierOf(address) };
  }

  async #signIn(worker: Worker): Promise<void> {
    worker.browser = undefined;
    const browser = new Browser();
    const code = await this.#code(worker, browser);
    worker.browser = browser;
    await this.#redeem(worker, code);
  }

  async #exchange(worker: Worker): Promise<void> {
    if (!worker.browser) return this.#signIn(worker);
    const { browser } = worker;
    worker.browser = undefined;
    const code = await this.#code(worker, browser);
    worker.browser = browser;
    await this.#redeem(worker, code);
  }

  async #redeem(worker: Worker, { code, verifier }: { code: string; verifier: string }): Promise<void> {
    const parameters = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    };
    worker.refreshToken = undefined;
    worker.old = undefined;
    const take = async () => {
      const said = await this.#token(parameters);
      if (said.status === 200) this.journal.used(code);
      return said;
    };
    let said: Said;
    try {
      said = await take();
    } catch (error) {
      // Perhaps it was taken, perhaps not. A second try may succeed, or be refused; both together never succeed.
      if (!this.#options.strict) await take().catch(() => undefined);
      throw error;
    }
    if (said.status !== 200) throw new Unanswered(`code: ${JSON.stringify(said.body)}`);
    if (worker.random.chance(0.1)) {
      // A replay: refused, and everything that came from the code ends (OA-04).
      const again = await take();
      if (again.status === 200) this.journal.violations.push('A code was exchanged twice.');
      return;
    }
    worker.refreshToken = String(said.body.refresh_token);
    worker.accessToken = String(said.body.access_token);
  }

  async #refresh(worker: Worker): Promise<void> {
    const { refreshToken } = worker;
    if (refreshToken === undefined) return this.#exchange(worker);
    worker.refreshToken = undefined;
    const said = await this.#token({ grant_type: 'refresh_token', refresh_token: refreshToken });
    if (said.status !== 200) {
      this.journal.violations.push(`A refresh token that was acknowledged is refused: ${JSON.stringify(said.body)}`);
      throw new Unanswered('refresh refused');
    }
    this.journal.used(refreshToken);
    worker.refreshToken = String(said.body.refresh_token);
    worker.accessToken = String(said.body.access_token);
    if (worker.random.chance(0.05)) {
      const again = await this.#token({ grant_type: 'refresh_token', refresh_token: refreshToken });
      if (again.status === 200) this.journal.violations.push('A refresh token was exchanged twice.');
      // Within two seconds it harms nobody (RT-03); when the machine was slower the family is gone.
      worker.refreshToken = undefined;
    }
  }
}
