/** What the load generator is asked to do, and what it reports: plain data, because it crosses a process boundary. */

export interface Shot {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** False: it prepares the next one and its time does not count. */
  readonly counts?: boolean;
}

interface Common {
  readonly origin: string;
  /** Requests in flight at the same time, each on a connection of its own. */
  readonly connections: number;
  /** Ends after so long … */
  readonly seconds: number;
  /** … or after so many, whichever is first. */
  readonly most: number;
}

/** The same requests over and over; each connection begins at another place of the list. */
export interface RepeatJob extends Common {
  readonly kind: 'repeat';
  readonly shots: readonly Shot[];
  /** Status that every answer must have. */
  readonly status: number;
}

/** One chain of rotating refresh tokens a connection; where a chain stands is remembered under its name. */
export interface RefreshJob extends Common {
  readonly kind: 'refresh';
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the chains begin; not read when the name is known. */
  readonly tokens: readonly string[];
}

/** New SCIM users, each with another name. */
export interface CreateJob extends Common {
  readonly kind: 'create';
  readonly headers: Readonly<Record<string, string>>;
  readonly prefix: string;
}

/** People who sign in through the pages. */
export interface SigninJob extends Common {
  readonly kind: 'signin';
  readonly authorize: string;
  readonly people: readonly string[];
  readonly password: string;
  /**
   * `prepare`: everything before the password, for the next `step`, where only the request with the password is sent.
   * `whole`: from the application and back.
   */
  readonly timed: 'prepare' | 'step' | 'whole';
  /** With it the code is exchanged, and tokens are reported. */
  readonly exchange?: {
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly redirect_uri: string;
    readonly code_verifier: string;
  };
}

export type Job = RepeatJob | RefreshJob | CreateJob | SigninJob;

export interface Report {
  readonly done: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
  /** Answers by status, where it was not the one that was asked for, and one of them. */
  readonly wrong: Readonly<Record<string, number>>;
  readonly example: string | null;
  readonly tokens: readonly { readonly access_token: string; readonly refresh_token: string }[];
}
