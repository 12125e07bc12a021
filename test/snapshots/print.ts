/** The review surface: what the outside relies on, printed so that a change of it is seen in a diff. */
import { routes, version } from '../../src/app.ts';
import { configurationReference } from '../../src/config/config.ts';
import { knownEvents } from '../../src/core/event.ts';
import { faults } from '../../src/core/faults.ts';
import { knownPermissions } from '../../src/core/permission.ts';
import { apiPrefix } from '../../src/http/mount.ts';
import { openApi } from '../../src/http/openapi.ts';

const lines = (rows: readonly string[]): string => `${rows.join('\n')}\n`;

/** The generated files, by their path from the repository. */
export function printed(): Record<string, string> {
  const reference = configurationReference();
  return {
    'docs/configuration.md': reference,
    'test/snapshots/config.txt': lines(
      reference
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .map((line) => {
          const [, name = '', , usual = ''] = line.split(' | ').flatMap((cell, i) => (i === 0 ? ['', cell] : [cell]));
          return `${name.replace(/[|` ]/g, '')} = ${usual.replace(/[|`]/g, '').trim()}`;
        }),
    ),
    'test/snapshots/openapi.json': `${JSON.stringify(openApi(routes, 'https://id.example.com', version), null, 2)}\n`,
    'test/snapshots/routes.txt': lines(
      routes.map(
        ({ method, path, operationId, permission }) =>
          `${method.toUpperCase().padEnd(6)} ${apiPrefix}${path}  ${operationId}  ${permission ?? 'any caller'}`,
      ),
    ),
    'test/snapshots/events.txt': lines(knownEvents().map(({ name, object_type, says }) => `${name}  (${object_type})  ${says}`)),
    'test/snapshots/faults.txt': lines(
      Object.entries(faults)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([code, { status, says }]) => `${code}  ${status}  ${says}`),
    ),
    'test/snapshots/permissions.txt': lines(
      knownPermissions().map(({ name, category, says }) => `${name}  (${category})  ${says}`),
    ),
  };
}
