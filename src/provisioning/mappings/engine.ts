/**
 * What the room asks about mappings. The knowledge of SCIM is the door's (`src/scim`), which this room must not import:
 * `app.ts` hands it in.
 */

/** A column of ours and what the directory calls it. */
export interface Mapping {
  readonly local_attribute: string;
  readonly scim_attribute: string;
  /** Told from `local_attribute` when absent. */
  readonly resource_type?: 'User' | 'Group';
}

export interface ReadMapping extends Mapping {
  readonly resource_type: 'User' | 'Group';
}

export interface MappingRefusal {
  /** In plain words. */
  readonly reason: string;
  /** Which of the mappings; null when it is about all of them. */
  readonly index: number | null;
}

export type MappingReading =
  | {
      readonly mappings: readonly ReadMapping[];
      /** What holds besides, because nothing works without it (`userName`, `active`, a group's `displayName`). */
      readonly implied: readonly ReadMapping[];
    }
  | { readonly refusal: MappingRefusal };

/** How the door would read one payload of a user. */
export interface PayloadReading {
  /** Columns of `users` that the payload fills or clears. */
  readonly columns: Readonly<Record<string, string | boolean | null>>;
  /** Paths in `users.properties`. */
  readonly properties: readonly { readonly path: readonly string[]; readonly value: unknown }[];
  readonly external_id: string | null;
  /** Kept as sent, and shown to the directory again. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly has_password: boolean;
  /** What was understood although the standard does not say so. */
  readonly notes: readonly { readonly rule: string; readonly path: string }[];
}

export interface MappingEngine {
  /** The mapping that a new client begins with. */
  readonly standard: readonly Mapping[];
  read(mappings: readonly Mapping[]): MappingReading;
  /** @returns why the payload would be refused, or how it would be read */
  readPayload(mappings: readonly Mapping[], payload: unknown): PayloadReading | { readonly refused: string };
}
