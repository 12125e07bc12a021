/** One attack: what is sent, and what it may be answered with. */
import type { Reply } from './stage.ts';

export interface Attack {
  readonly name: string;
  readonly status: readonly number[];
  readonly run: () => Promise<Reply>;
}

export const attack = (name: string, status: readonly number[], run: () => Promise<Reply>): Attack => ({
  name,
  status,
  run,
});

export const form = 'application/x-www-form-urlencoded';
export const json = 'application/json';
export const scimJson = 'application/scim+json';
