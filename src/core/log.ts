/** The structured log: one JSON object a line, redacted by key name, with the request id where there is one. */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { redact } from './redact.ts';

export type Log = Logger;

/** Describes an error for the log with its causes, without values that a driver may have put beside it. */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: typeof error === 'string' ? error.slice(0, 500) : typeof error };
  const { code, constraint, table, column, schema, routine } = error as Error & Record<string, unknown>;
  return {
    name: error.name,
    // A driver's message may repeat a statement with its values behind " - ": the statement goes, the reason stays.
    message: error.message.split(' - ').at(-1)?.slice(0, 1000),
    code,
    constraint,
    table,
    column,
    schema,
    routine,
    stack: error.stack
      ?.split('\n')
      .slice(1, 12)
      .map((line) => line.trim()),
    cause: error.cause !== undefined && depth < 3 ? describeError(error.cause, depth + 1) : undefined,
  };
}

function withErrorsDescribed(fields: Record<string, unknown>): Record<string, unknown> {
  const described: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    described[name] = value instanceof Error ? describeError(value) : value;
  }
  return described;
}

const errorLevel = pino.levels.values.error ?? 50;

/** Milliseconds that a line may wait for others: what `kill -9` can take of the log. */
const waitMs = 10;
const maxHeld = 16_384;

/** Lines that come close together are written together: each write on its own costs more than making its line. */
export class Lines implements DestinationStream {
  readonly #write: (text: string) => void;
  #held = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  write(line: string): void {
    this.#held += line;
    if (this.#held.length >= maxHeld) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), waitMs).unref();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#held;
    this.#held = '';
    if (text !== '') this.#write(text);
  }
}

let shared: Lines | undefined;

/** Standard output, once for the process: it is flushed when that ends. */
function standardOutput(): Lines {
  if (shared) return shared;
  const output = pino.destination({ dest: 1, sync: true });
  const lines = new Lines((text) => output.write(text));
  process.on('exit', () => lines.flush());
  shared = lines;
  return lines;
}

/** @param destination where lines go; standard output when absent */
export function createLog(level: string, destination?: DestinationStream): Log {
  const stream = destination ?? standardOutput();
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    // pino's own would describe what is described already.
    serializers: { err: (described: unknown) => described },
    hooks: {
      logMethod(values, write, severity) {
        write.apply(this, values);
        // What went wrong is not kept waiting: it may be the last that this process says.
        if (severity >= errorLevel && stream instanceof Lines) stream.flush();
      },
    },
    formatters: {
      level: (label: string) => ({ level: label }),
      // Before pino's serializers, which would meet errors that redaction has already flattened.
      log: (fields: Record<string, unknown>) => redact(withErrorsDescribed(fields)) as Record<string, unknown>,
    },
  };
  return pino(options, stream);
}
