/**
 * A real Chromium for tests: the system's when there is one, else the one that the npm package @sparticuz/chromium
 * carries. That package unpacks into the shared temporary folder and brings the libraries of Amazon Linux 2023 only
 * when it believes to be in a Lambda; a child process with its own TMPDIR gets both right without touching this
 * process's environment, and a rename at the end makes the unpacked folder whole or absent.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const systemBrowsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome-stable'];

/** No sandbox: tests run as root in containers. The rest keeps the browser from talking to anybody but the test. */
const flags = [
  '--headless=shell',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-client-side-phishing-detection',
  '--disable-sync',
  '--disable-extensions',
  '--no-pings',
  '--font-render-hinting=none',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]',
];

interface Unpacked {
  readonly executablePath: string;
  readonly env: Record<string, string>;
}

/** Unpacks the packaged Chromium once per version, below node_modules/.cache. About 2 s the first time. */
async function unpack(): Promise<Unpacked> {
  const entry = fileURLToPath(import.meta.resolve('@sparticuz/chromium'));
  const home = entry.slice(
    0,
    entry.lastIndexOf(join('@sparticuz', 'chromium')) + join('@sparticuz', 'chromium').length,
  );
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string };
  const cache = join(dirname(dirname(home)), '.cache');
  const folder = join(cache, `lintel-chromium-${version}`);
  if (!existsSync(join(folder, 'ready'))) {
    await mkdir(cache, { recursive: true });
    const fresh = await mkdtemp(join(cache, 'unpacking-'));
    const script = `import(${JSON.stringify(entry)}).then((m) => m.default.executablePath())`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TMPDIR: fresh, AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' },
    });
    await writeFile(join(fresh, 'ready'), version);
    // Another worker may have been faster; then its folder stays and ours goes.
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  }
  const fonts = join(folder, 'fonts.conf');
  await writeFile(
    fonts,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${join(folder, 'fonts')}</dir><dir>/usr/share/fonts</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir><alias><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias></fontconfig>`,
  );
  return {
    executablePath: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_FILE: fonts, HOME: folder },
  };
}

/** A headless Chromium. The caller closes it. */
export async function launch(): Promise<Browser> {
  const system = systemBrowsers.find((path) => existsSync(path));
  const { executablePath, env } = system === undefined ? await unpack() : { executablePath: system, env: {} };
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return chromium.launch({ executablePath, args: flags, env: { ...inherited, ...env }, headless: true });
}
