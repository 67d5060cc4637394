/** As much of a WebDriver client (W3C WebDriver, a Recommendation) as WebKitGTK's tests need. */

/** An error of the driver, by its code (W3C WebDriver §6.6). */
export class WebDriverError extends Error {
  override readonly name = 'WebDriverError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** One command at a time: WebKitWebDriver mixes up those that overlap. */
export interface Session {
  /** Runs `commands` with nothing of anybody else's in between. */
  inTurn<T>(commands: (command: Command) => Promise<T>): Promise<T>;
  delete(): Promise<void>;
}

/** @param path after the session's own, such as `/url` */
export type Command = <T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<T>;

/** @param capabilities what the browser must have @throws {WebDriverError} `session not created` */
export async function newSession(driverUrl: string, capabilities: object): Promise<Session> {
  const { sessionId } = await send<{ sessionId: string }>(driverUrl, 'POST', '/session', {
    capabilities: { alwaysMatch: capabilities },
  });
  const command: Command = (method, path, body) =>
    send(driverUrl, method, `/session/${sessionId}${path}`, body);

  let last: Promise<unknown> = Promise.resolve();
  const inTurn: Session['inTurn'] = (commands) => {
    const result = last.then(() => commands(command));
    last = result.catch(() => {}); // whoever asked is told; the next one is not concerned
    return result;
  };
  return { inTurn, delete: () => inTurn((command) => command('DELETE', '')) };
}

/** True once the driver takes sessions. */
export async function isReady(driverUrl: string): Promise<boolean> {
  try {
    return (await send<{ ready: boolean }>(driverUrl, 'GET', '/status')).ready;
  } catch (error) {
    if ((error as Error).cause) return false; // no answer at all: it does not listen yet
    throw error;
  }
}

async function send<T>(driverUrl: string, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(driverUrl + path, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
  if (!response.ok) throw new WebDriverError(value.error ?? 'unknown error', value.message ?? '');
  return value;
}
