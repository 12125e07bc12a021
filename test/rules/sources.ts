/** What the rules look at: every source file with its text and its relative imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export interface Source {
  /** Path from the repository, with `/`: `src/access/roles/service.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments, for rules about what code does. */
  readonly code: string;
  /** Paths of what it imports from this repository. */
  readonly imports: readonly string[];
}

// A `//` inside a text such as 'https://…' is no comment: it has a colon or a quote before it.
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\/])\/\/.*$/gm, '$1');

/** Every TypeScript file below a folder of the repository. */
export function sourcesUnder(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const path = relative(root, file);
      const text = readFileSync(file, 'utf8');
      const code = withoutComments(text);
      const imports = [...code.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) =>
        normalize(join(dirname(path), target)),
      );
      return { path, text, code, imports };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
