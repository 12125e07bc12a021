/**
 * The table of contents: every route and door, in order. The only file that knows everyone; one file because a table of contents in
 * parts would be none.
 */
import { Resolver } from 'node:dns/promises';
import { join } from 'node:path';
import type Koa from 'koa';
import type { DestinationStream } from 'pino';
import { grantRoutes } from './access/grants/routes.ts';
import { expireGrants } from './access/grants/recompute.ts';
import { syncCatalogue } from './access/permissions/catalogue.ts';
import { permissionRoutes } from './access/permissions/routes.ts';
import { roleRoutes } from './access/roles/routes.ts';
import { actorForUser } from './access/grants/access.ts';
import { applicationRoutes } from './applications/clients/routes.ts';
import { consentRoutes } from './applications/consents/routes.ts';
import { rotateSigningKeys } from './applications/keys/service.ts';
import { expireTokens } from './applications/tokens/expire.ts';
import { authenticateAccessToken } from './applications/tokens/service.ts';
import type { Config } from './config/config.ts';
import { sealingKeys } from './config/sealing-key.ts';
import type { App } from './core/app.ts';
import { Call, systemActor } from './core/call.ts';
import { createLog } from './core/log.ts';
import { Sealer } from './core/secret.ts';
import { authenticateApiKey } from './credentials/api-keys/authenticate.ts';
import { ensureBootstrapKey } from './credentials/api-keys/bootstrap.ts';
import { apiKeyRoutes } from './credentials/api-keys/routes.ts';
import { preparePassword, setPassword } from './credentials/passwords/service.ts';
import { serviceAccountRoutes } from './credentials/service-accounts/routes.ts';
import { databaseClock } from './db/clock.ts';
import type { Database } from './db/connect.ts';
import { domainRoutes } from './directory/domains/routes.ts';
import { endExpiredMembers } from './directory/groups/members.ts';
import { groupRoutes } from './directory/groups/routes.ts';
import { membershipRoutes } from './directory/memberships/routes.ts';
import { organizationRoutes } from './directory/organizations/routes.ts';
import { unitRoutes } from './directory/units/routes.ts';
import { userRoutes } from './directory/users/routes.ts';
import { ensurePartitions } from './db/partitions.ts';
import { transact } from './db/transact.ts';
import { keepUp } from './db/upkeep.ts';
import { denials } from './events/audit/denials.ts';
import { recordEvent } from './events/audit/service.ts';
import { auditRoutes } from './events/audit/routes.ts';
import { traceRoutes } from './federation/attempts/routes.ts';
import { beginSignin } from './federation/exchanges/begin.ts';
import { redeemHandoff } from './federation/exchanges/handoffs.ts';
import { exchangeRoutes } from './federation/exchanges/routes.ts';
import { connectionOfHint, expireExchanges } from './federation/exchanges/service.ts';
import { verifySamlKeys } from './federation/keys/service.ts';
import { linkRoutes } from './federation/links/routes.ts';
import { loginMethodRoutes } from './federation/login-methods/routes.ts';
import { loginMethodsOf } from './federation/login-methods/service.ts';
import { refreshDueProviders } from './federation/providers/refresh.ts';
import { providerRoutes } from './federation/providers/routes.ts';
import { findConnection } from './federation/providers/connection.ts';
import { connectionsOf } from './federation/providers/service.ts';
import { logSamlPoolTo } from './federation/saml-pool.ts';
import { createEgress } from './http/egress.ts';
import { createFormGuard } from './http/csrf.ts';
import { health } from './http/health.ts';
import { expireIdempotencyKeys } from './http/idempotency.ts';
import { mountRoutes } from './http/mount.ts';
import { openApi } from './http/openapi.ts';
import { createOutside } from './http/outside.ts';
import { createPages } from './http/pages.ts';
import { setFaultHeaders } from './http/problem.ts';
import type { Route } from './http/route.ts';
import { createEdge, edgeOf, type Observe } from './http/server.ts';
import { type Job, type JobCount, startJobs } from './jobs.ts';
import { queueMail, sendMails } from './notifications/mails/service.ts';
import { createOidcDoor, type OidcDoor } from './oidc/door.ts';
import { scimClientRoutes } from './provisioning/clients/routes.ts';
import { scimMappingRoutes } from './provisioning/mappings/routes.ts';
import { scimRequestRoutes } from './provisioning/recorder/routes.ts';
import { drainRecorder, expireScimRequests } from './provisioning/recorder/service.ts';
import { scimTokenRoutes } from './provisioning/tokens/routes.ts';
import { findUserByExternalId } from './provisioning/resources/service.ts';
import { expireCounters } from './ratelimits/counters/service.ts';
import { react } from './reactions.ts';
import { samlDoor } from './saml/door.ts';
import { mappingEngine } from './scim/mapping-engine.ts';
import { createScimDoor, renderScimFault } from './scim/router.ts';
import type { CompanySignin } from './signin/flow/collaborators.ts';
import { signinPages } from './signin/flow/pages.ts';
import { expireAttempts } from './signin/flow/service.ts';
import { setupPages } from './signin/setup/pages.ts';
import { sessionRoutes } from './signin/sessions/routes.ts';
import { endProviderSessions, expireSessions, leaveSession, touchSession } from './signin/sessions/service.ts';
import { site } from './site/pages.ts';
import { Fault } from './core/fault.ts';

/** Every REST route, in the order of the API pages. */
export const routes: readonly Route[] = [
  ...organizationRoutes,
  ...domainRoutes,
  ...userRoutes(async (password, names) => {
    const prepared = await preparePassword(password, { names });
    return (call, userId) => setPassword(call, userId, prepared);
  }),
  ...membershipRoutes,
  ...groupRoutes,
  ...unitRoutes,
  ...roleRoutes,
  ...permissionRoutes,
  ...grantRoutes,
  ...applicationRoutes,
  ...consentRoutes,
  ...sessionRoutes,
  ...serviceAccountRoutes,
  ...apiKeyRoutes,
  ...scimClientRoutes(mappingEngine),
  ...scimTokenRoutes,
  ...scimMappingRoutes(mappingEngine),
  ...scimRequestRoutes,
  ...providerRoutes,
  ...linkRoutes,
  ...exchangeRoutes,
  ...loginMethodRoutes,
  ...traceRoutes,
  ...auditRoutes,
];

/** What runs by itself in every process. */
export const jobs: readonly Job[] = [
  { name: 'grants', everySeconds: 60, run: (app) => expireGrants(Call.begin(app, systemActor('grants'))) },
  { name: 'group-members', everySeconds: 60, run: (app) => endExpiredMembers(Call.begin(app, systemActor('groups'))) },
  { name: 'partitions', everySeconds: 24 * 60 * 60, run: (app) => ensurePartitions(app.db, app.clock(), 2) },
  {
    name: 'upkeep',
    everySeconds: 60 * 60,
    run: async (app) => app.config.database_url.startsWith('pglite:') && keepUp(app.db),
  },
  { name: 'tokens', everySeconds: 45, run: expireTokens },
  { name: 'keys', everySeconds: 60 * 60, run: (app) => rotateSigningKeys(app) },
  { name: 'sessions', everySeconds: 60 * 60, run: expireSessions },
  { name: 'signin_attempts', everySeconds: 5 * 60, run: expireAttempts },
  { name: 'rate_limit_counters', everySeconds: 60 * 60, run: expireCounters },
  { name: 'saml_exchanges', everySeconds: 5 * 60, run: expireExchanges },
  { name: 'saml_metadata', everySeconds: 60 * 60, run: refreshDueProviders },
  { name: 'idempotency_keys', everySeconds: 60 * 60, run: expireIdempotencyKeys },
  { name: 'mails', everySeconds: 60, run: (app) => sendMails(app) },
  { name: 'scim-requests', everySeconds: 24 * 60 * 60, run: expireScimRequests },
];

export interface Lintel {
  readonly app: App;
  readonly koa: Koa;
  readonly oidc: OidcDoor;
  /** What jobs did since the start, by name. */
  readonly jobCounts: ReadonlyMap<string, JobCount>;
  /** From now on `/health/ready` says no; everything is served as before. */
  beginStopping(): void;
  /** From now on every answer closes its connection, so that the next request goes elsewhere. */
  letGo(): void;
  close(): Promise<void>;
}

export interface CreateOptions {
  readonly clock?: () => Date;
  readonly logTo?: DestinationStream;
  readonly resolveTxt?: (name: string) => Promise<string[][]>;
  /** Tests run jobs when they mean to. */
  readonly withoutJobs?: boolean;
  /** For metrics; without it nothing is measured. */
  readonly observe?: Observe;
}

/** Signing in at companies' own identity providers, as the sign-in pages need it. */
const companies: CompanySignin = {
  connectionsOf,
  methodsOf: loginMethodsOf,
  connectionOfHint: async (db, hint) => {
    const named = connectionOfHint(hint);
    const connection = named === null ? null : await findConnection(db, named);
    return connection?.is_open ? { ...connection, type: 'saml' } : null;
  },
  begin: beginSignin,
  redeem: redeemHandoff,
};

export const version = '0.1.0';

/** Builds the application on an open, migrated database. */
export async function createLintel(config: Config, database: Database, options: CreateOptions = {}): Promise<Lintel> {
  const sealer = new Sealer(sealingKeys(config));
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  const log = createLog(config.log_level, options.logTo);
  const egress = createEgress(config.egress_allow, (host) =>
    log.info(
      { host },
      'this host is not public, or not on https; LINTEL_EGRESS_ALLOW names those that may be reached all the same',
    ),
  );
  // The embedded database has this process's clock, and nobody to share it with.
  const clock = database.embedded || options.clock ? null : await databaseClock(database.knex, log, () => Date.now());
  const app: App = {
    config,
    db: database.knex,
    clock: options.clock ?? clock?.now ?? (() => new Date()),
    log,
    sealer,
    transact: (work) => transact(database.knex, work),
    fetch: egress.fetch,
    resolveTxt: options.resolveTxt ?? ((name) => resolver.resolveTxt(name)),
    waitOutside: createOutside(),
    record: async (call, event) => {
      await recordEvent(call, event);
      await react(call, event);
    },
    mail: queueMail,
  };

  // A busy table only puts the coming months off: rows meanwhile go to the default partition, and the job moves them.
  await ensurePartitions(app.db, app.clock(), 2).catch((error) =>
    app.log.warn({ err: error }, 'partitions come later'),
  );
  await syncCatalogue(Call.begin(app, systemActor('catalogue')));
  await ensureBootstrapKey(app);
  await verifySamlKeys(app);

  let stopping = false;
  let lettingGo = false;
  const pages = createPages({ viewsDir: join(import.meta.dirname, '../views') });
  const koa = createEdge({
    config,
    log: app.log,
    cookieKeys: sealer.derive('cookies'),
    isLettingGo: () => lettingGo,
    observe: options.observe,
    renderFaultAs: renderScimFault,
    renderFaultPage: (context, fault) => {
      const { nonce, request_id } = edgeOf(context);
      setFaultHeaders(context, fault);
      context.type = 'html';
      context.body = pages.render('fault', {
        nonce,
        request_id,
        status: fault.status,
        code: fault.code,
        sentence: fault.says,
        // Its own start page has the same name that is not ours.
        ...(fault.code === 'misdirected' && { advice: fault.detail, home_url: config.url }),
      });
    },
  });
  koa.use(health(app.db, () => stopping));
  koa.use(createScimDoor({ app, passwordAllowed: async (db, orgId) => (await loginMethodsOf(db, orgId)).password }));
  koa.use(pages.serveAssets());
  koa.use(site({ app, pages, openapi: openApi(routes, config.url, version), version }));
  const oidc = await createOidcDoor({
    app,
    pages,
    cookieKeys: sealer.derive('cookies'),
    sessionEnded: leaveSession,
    sessionUsed: touchSession,
  });
  koa.use(oidc.middleware);
  const forms = createFormGuard(config.url, sealer.derive('forms'));
  koa.use(setupPages({ app, pages, forms }));
  logSamlPoolTo(app.log);
  koa.use(samlDoor({ app, pages, endSessions: endProviderSessions, findByExternalId: findUserByExternalId }));
  koa.use(signinPages({ app, pages, forms, interactions: oidc.interactions, company: companies }));
  koa.use(
    mountRoutes(
      app,
      routes,
      async (context) => {
        const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(context.get('authorization')) ?? [];
        const actor =
          token === undefined
            ? null
            : ((await authenticateAccessToken(app, token)) ?? (await authenticateApiKey(app, token, actorForUser)));
        if (!actor) throw new Fault('unauthenticated');
        return actor;
      },
      denials(),
    ),
  );

  const timetable = startJobs(app, options.withoutJobs ? [] : jobs);

  return {
    app,
    koa,
    oidc,
    jobCounts: timetable.counts,
    beginStopping: () => {
      stopping = true;
    },
    letGo: () => {
      lettingGo = true;
    },
    close: async () => {
      clock?.stop();
      await timetable.stop();
      await drainRecorder(app);
      await oidc.drain();
      await egress.close();
    },
  };
}
