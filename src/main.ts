/** Start: configuration, database, migrations, listen; on SIGTERM finish what was begun and stop cleanly. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { Server as ListeningServer } from 'node:net';
import { createLintel, type Lintel } from './app.ts';
import { type Config, ConfigurationError, configurationWarnings, loadConfig } from './config/config.ts';
import { aboutKeys, sealingKeys } from './config/sealing-key.ts';
import { cannotUse, connect, type Database } from './db/connect.ts';
import { migrate } from './db/migrate.ts';
import { admit, type Admitted, limitsOf } from './http/admission.ts';
import { createSetupLink } from './signin/setup/service.ts';

export interface Running {
  readonly lintel: Lintel;
  readonly server: Server;
  /** Where metrics are asked for; null without `LINTEL_METRICS_PORT`. */
  readonly metrics: Server | null;
  /**
   * Says at `/health/ready` that it is not ready, serves on for so many seconds (none when absent) so that balancers send requests
   * elsewhere, then takes no new connections, lets what is in flight finish (at most `grace_seconds`) and closes the database.
   * Called again, it waits no longer.
   */
  stop(unreadySeconds?: number): Promise<void>;
}

/**
 * Starts Lintel as a process would.
 * @throws ConfigurationError, or an Error with a plain sentence when the database cannot be used
 */
export async function start(config: Config): Promise<Running> {
  // Before the database: beside a folder that is there already, a missing key is an error and is never made anew.
  sealingKeys(config);
  const database = await connect(config.database_url, { pool: config.database_pool });
  let lintel: Lintel | undefined;
  let metrics: Server | null = null;
  try {
    await migrate(database.knex).catch((error) => {
      throw cannotUse(config.database_url, error);
    });
    const measuring =
      config.metrics_port === undefined ? null : (await import('./http/metrics.ts')).createMetrics(config.metrics_host);
    lintel = await createLintel(config, database, { observe: measuring?.observe });
    const admitted = admission(lintel);
    if (measuring) {
      const { readingsOf } = await import('./metrics.ts');
      measuring.add(readingsOf(lintel, admitted.load));
      const { metrics_port: port = 0, metrics_host: host } = config;
      metrics = limited(measuring.listener, 64);
      await listen(metrics, { host, port, names: ['LINTEL_METRICS_HOST', 'LINTEL_METRICS_PORT'] });
    }
    const server = limited(admitted, 8192);
    await listen(server, { ...config, names: ['LINTEL_HOST', 'PORT, and LINTEL_URL with it'] });
    const parts = { config, lintel, server, metrics, database };
    return { lintel, server, metrics, stop: stopper(parts) };
  } catch (error) {
    // Its jobs are planned already.
    await lintel?.close();
    metrics?.close();
    await database.close();
    throw aboutKeys(config, error as Error);
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  /** The settings that say the host and the port. */
  readonly names: readonly [host: string, port: string];
}

function listen(server: Server, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(place, error)));
    server.listen(place.port, place.host, resolve);
  });
}

/** Why it could not listen, and what to do about it, in the words of docs/configuration.md. */
function cannotListen({ host, port, names: [hostName, portName] }: Place, error: NodeJS.ErrnoException): Error {
  const places = 'Take localhost, 0.0.0.0 for every interface, or an address of this machine.';
  const advice: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what uses it, or choose another one: ${portName}.`,
    EACCES: `Port ${port} on ${host} needs more rights. Choose one from 1024 on: ${portName}.`,
    EADDRNOTAVAIL: `${hostName} is ${host}, which is no address of this machine. ${places}`,
    ENOTFOUND: `${hostName} is ${host}, which is no address and no name that leads to one. ${places}`,
    EAI_AGAIN: `${hostName} is ${host}, and no name server says which address that is. ${places}`,
    EINVAL: `${hostName} is ${host}, which cannot be listened on. ${places}`,
  };
  const sentence = advice[error.code ?? ''];
  return sentence === undefined ? error : Object.assign(new Error(sentence), { code: error.code });
}

const admission = (lintel: Lintel): Admitted =>
  admit(lintel.koa.callback(), limitsOf(lintel.app.config.requests_in_flight), lintel.app.log);

/** The HTTP server of the application. */
export const serve = (lintel: Lintel): Server => limited(admission(lintel), 8192);

/** A HTTP server with the limits of checklist WB-12 and RE-12. */
function limited(listener: RequestListener, connections: number): Server {
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      requestTimeout: 30_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 65_000,
      // How often the times above are looked at: by themselves they would be enforced half a minute late.
      connectionsCheckingInterval: 2000,
    },
    listener,
  );
  server.maxRequestsPerSocket = 0;
  // Also who does not read: nothing of ours is silent for so long.
  server.timeout = 120_000;
  server.maxConnections = connections;
  return server;
}

/** How long a connection without a request stays open while stopping. */
const idleMs = 500;
/** Jobs get so long to finish; they are transactions, and lose nothing when they are cut off. */
const jobsMs = 5000;

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

interface Parts extends Omit<Running, 'stop'> {
  readonly config: Config;
  readonly database: Database;
}

/** One stop of a process, however often it is asked for; asked again, it waits no longer for balancers (RE-06). */
function stopper(parts: Parts): Running['stop'] {
  const { lintel } = parts;
  let stopping: Promise<void> | undefined;
  let hurry: () => void = () => {};
  return (unreadySeconds = 0) => {
    hurry();
    if (stopping) return stopping;
    lintel.beginStopping();
    const hurried = new Promise<void>((resolve) => {
      hurry = resolve;
    });
    const noticed = unreadySeconds > 0 ? Promise.race([pause(unreadySeconds * 1000), hurried]) : Promise.resolve();
    stopping = noticed.then(() => stop(parts));
    return stopping;
  };
}

/**
 * New connections are refused. What still arrives on an open one is served, and its answer says `Connection: close`; idle ones are
 * closed a little later, so that a request which is already on its way to us is answered and not cut off.
 */
async function stop({ config, lintel, server, metrics, database }: Parts): Promise<void> {
  lintel.letGo();
  // The close of `http.Server` would cut idle connections at once; the one of `net.Server` only stops listening.
  const finished = new Promise<void>((resolve) => ListeningServer.prototype.close.call(server, () => resolve()));
  const sweep = setInterval(() => server.closeIdleConnections(), idleMs);
  const patience = setTimeout(() => server.closeAllConnections(), config.grace_seconds * 1000);
  await finished;
  clearInterval(sweep);
  clearTimeout(patience);
  await Promise.race([lintel.close(), pause(jobsMs)]);
  // Last, so that what is in flight can be watched until there is nothing.
  metrics?.close();
  metrics?.closeAllConnections();
  await database.close();
}

/** Runs until it is told to stop: what `npm start` and `lintel start` do. */
export async function run(): Promise<void> {
  const began = performance.now();
  const config = loadConfig();
  for (const sentence of configurationWarnings(config)) process.stderr.write(`Lintel warns. ${sentence}\n`);
  const running = await start(config);
  // Before anything is said: whoever reads that it answers may stop it. Ctrl-C is a person who waits; a second signal of either kind
  // is somebody who waits no longer.
  let stopping = false;
  const waits = { SIGTERM: config.unready_seconds, SIGINT: 0 } as const;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      const asked = performance.now();
      const { log } = running.lintel.app;
      // The second signal of two waits no longer, whichever it is.
      const most = (stopping ? 0 : waits[signal]) + config.grace_seconds + jobsMs / 1000;
      stopping = true;
      log.info({ signal, at_most_seconds: most }, 'stopping');
      running.stop(waits[signal]).then(
        () => {
          log.info({ signal, seconds: Math.round(performance.now() - asked) / 1000 }, 'stopped');
          process.exit(0);
        },
        (error: unknown) => {
          log.error({ err: error, signal }, 'stopped, and not cleanly');
          process.exit(1);
        },
      );
    });
  }
  process.stdout.write(
    `Lintel answers at ${config.url} (started in ${((performance.now() - began) / 1000).toFixed(1)} s)\n`,
  );
  // On the console only: the structured log goes to places where a link that makes an administrator has no business (AU-06).
  const link = await createSetupLink(running.lintel.app);
  if (link !== null) process.stdout.write(`Make the first administrator, within an hour: ${link}\n`);
}

/** Says in plain words why it did not start, and ends. */
export function explain(error: Error): never {
  process.stderr.write(`Lintel did not start. ${error.message}\n`);
  if (!(error instanceof ConfigurationError) && error.cause instanceof Error)
    process.stderr.write(`  ${error.cause.message || (error.cause as NodeJS.ErrnoException).code}\n`);
  process.exit(1);
}

if (import.meta.main) run().catch(explain);
