/** Shapes of what a SCIM client keeps about a user or a group. */

/** One resource of one client; the organization is the client's. */
export interface ResourceKey {
  readonly client_id: string;
  readonly org_id: string;
  readonly resource_type: 'User' | 'Group';
  readonly resource_id: string;
}

export interface ResourceRow {
  readonly resource_id: string;
  /** The directory's own name of it; never a key of ours (SC-03). */
  readonly external_id: string | null;
  /** As it was sent, mapped attributes included. */
  readonly attributes: Record<string, unknown>;
  /** Counts the changes that came through this client: part of the ETag. */
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}
