/**
 * What tabs in memory mode lend each other: an access token and the ID token beside it. Custody speaks to custody, over a channel
 * that every script of the origin can hear and speak on: no refresh token is ever in a message, and what comes is believed by
 * nobody before it has been judged.
 *
 * Who holds a refresh token shows it, so that whoever is alone knows at once that there is nobody to be asked.
 */
import type { Milliseconds, Seconds } from '../clock.ts';
import { isToken, type Token } from '../core/cache.ts';
import type { Session } from '../core/session.ts';
import { isSameIdentity } from '../core/session.ts';
import { storageName, type Settings } from '../core/settings.ts';
import type { Environment } from '../environment.ts';
import { GenericError, NetworkError } from '../errors.ts';
import { isText } from '../oauth/json.ts';

/** Of the words below. Tabs of different versions of the SDK do not hear each other. */
const lendingVersion = '1';

/** How long a lender may take to say that it is there: one may be frozen. */
const silence: Milliseconds = 200;

/** Every lender has answered: so much longer somebody may contradict. And so long they have to follow the first. */
const agreement: Milliseconds = 50;
const straggling: Milliseconds = 200;

/** How many questions of others are answered at the same time. */
const mostAsked = 100;

/** What is lent. */
export interface Loan {
  readonly token: Token;
  readonly id_token: string;
  /** How long the session may last, as its login said. */
  readonly session_expiry?: Seconds | undefined;
}

/** What a tab asks the others for. */
export interface Asked {
  readonly audience: string;
  readonly scope: string;
  /** Not one that is there already. */
  readonly fresh: boolean;
}

export interface Lending {
  /** Whether there is a refresh token here. */
  show(lends: boolean): void;
  /**
   * What the others have, all that answer being of one session; `undefined`: nobody has anything, or not all agree.
   * @param judge Whose it is; `undefined`: it is not what was asked for.
   * @throws {NetworkError} `unreachable`, where somebody would lend, and has nothing yet.
   */
  ask(
    asked: Asked,
    judge: (loan: Loan) => Promise<Session | undefined>,
    limit: Milliseconds,
  ): Promise<Loan | undefined>;
  /** Ends the sessions of all others. */
  tellLogout(): void;
  close(): void;
}

type Message =
  | ({ readonly kind: 'ask'; readonly id: string; readonly useDpop: boolean } & Asked)
  /** Somebody has heard, and an answer will follow. */
  | { readonly kind: 'here'; readonly id: string; readonly from: string }
  | ({ readonly kind: 'answer'; readonly id: string; readonly from: string } & Said)
  | { readonly kind: 'logout' };

/** No loan: there is nothing to lend, or nothing yet. */
interface Said {
  readonly loan: Loan | undefined;
  /** The server could not be reached. */
  readonly isLater: boolean;
}

/** A question that is not answered yet: what to do when somebody says something to it. */
type Question = (from: string, said?: Said) => void;

/**
 * @param tools `lend`: what is here; `undefined`: nothing. `loggedOut`: another tab has been told to end the session.
 */
export function createLending(
  settings: Settings,
  { timers, channels, presence }: Pick<Environment, 'timers' | 'channels' | 'presence'>,
  tools: {
    randomName(): string;
    lend(asked: Asked): Promise<Loan | undefined>;
    loggedOut(): void;
  },
): Lending {
  const { useDpop } = settings;
  const name = storageName(settings, 'lending', lendingVersion);
  const from = tools.randomName();
  const questions = new Map<string, Question>();
  let answering = 0;
  let hide: (() => void) | undefined;
  const channel = channels.open(name, (said) => hear(Object(said) as Partial<Record<string, unknown>>));
  let isClosed = false;
  /** A closed channel throws. */
  const post = (message: Message): void => void (isClosed || channel.post(message));

  return {
    show(lends) {
      hide?.();
      hide = lends ? presence.show(name) : undefined;
    },
    async ask(asked, judge, limit) {
      const others = (await presence.count(name)) - (hide ? 1 : 0);
      if (others <= 0) return undefined;
      const question = { kind: 'ask', id: tools.randomName(), useDpop, ...asked } as const;
      const { loans, isLater } = await collect(question, others, limit);
      if (loans.length === 0 && isLater)
        throw new NetworkError('unreachable', 'The tab that holds the refresh token got no answer.');
      return unanimous(loans, judge);
    },
    tellLogout: () => post({ kind: 'logout' }),
    close() {
      hide?.();
      hide = undefined;
      isClosed = true;
      channel.close();
    },
  };

  /** What is lent until everybody who is there has answered, and could be contradicted. */
  function collect(
    question: Extract<Message, { kind: 'ask' }>,
    others: number,
    limit: Milliseconds,
  ): Promise<{ readonly loans: readonly Loan[]; readonly isLater: boolean }> {
    return new Promise((resolve) => {
      const present = new Set<string>();
      const answered = new Set<string>();
      const loans: Loan[] = [];
      let expected = others;
      let isLater = false;
      let isOpen = false; // somebody may contradict yet
      const settle = () => {
        questions.delete(question.id);
        for (const callOff of waits) callOff();
        resolve({ loans, isLater: isLater || answered.size < present.size });
      };
      const settleIfDone = () => {
        if (!isOpen && answered.size >= expected) settle();
      };
      const waits = [
        timers.after(limit, settle),
        timers.after(silence, () => {
          expected = Math.min(expected, present.size); // whoever says nothing is not waited for
          settleIfDone();
        }),
      ];
      questions.set(question.id, (from, said) => {
        present.add(from);
        if (!said || answered.has(from)) return;
        answered.add(from);
        isLater ||= said.isLater;
        if (said.loan && loans.push(said.loan) === 1) {
          isOpen = true;
          const close = () => {
            isOpen = false;
            settleIfDone();
          };
          waits.push(timers.after(agreement, close), timers.after(straggling, settle));
        }
        settleIfDone();
      });
      post(question);
    });
  }

  function hear(said: Partial<Record<string, unknown>>): void {
    const { kind, id, from: by } = said;
    if (kind === 'logout') return tools.loggedOut();
    if (!isText(id)) return;
    if (kind === 'ask') return void answer(id, said);
    if (!isText(by)) return;
    if (kind === 'here') questions.get(id)?.(by);
    if (kind === 'answer')
      questions.get(id)?.(by, { loan: readLoan(said['loan']), isLater: said['isLater'] === true });
  }

  async function answer(id: string, asked: Partial<Record<string, unknown>>): Promise<void> {
    const { audience, scope, fresh } = asked;
    if (!hide || answering >= mostAsked || !isText(audience) || !isText(scope)) return;
    post({ kind: 'here', id, from });
    answering++;
    try {
      const given = asked['useDpop'] === useDpop && { audience, scope, fresh: fresh === true };
      const loan = given ? await tools.lend(given) : undefined;
      post({ kind: 'answer', id, from, loan, isLater: false });
    } catch (error) {
      const isLater = error instanceof GenericError && error.retryable;
      post({ kind: 'answer', id, from, loan: undefined, isLater });
    } finally {
      answering--;
    }
  }
}

/** The loan that lasts longest, if all that are good are of one session. */
async function unanimous(
  loans: readonly Loan[],
  judge: (loan: Loan) => Promise<Session | undefined>,
): Promise<Loan | undefined> {
  const judged = await Promise.all(loans.map(async (loan) => ({ loan, session: await judge(loan) })));
  const good = judged.flatMap(({ loan, session }) => (session ? [{ loan, session }] : []));
  const [first] = good;
  if (!first || !good.every(({ session }) => isOneSession(session, first.session))) return undefined;
  return good.map(({ loan }) => loan).sort((one, other) => other.token.expires_at - one.token.expires_at)[0];
}

/** `sid`: the session at the tenant (OIDC Back-Channel Logout 1.0 §2.1). */
const isOneSession = (one: Session, other: Session): boolean =>
  isSameIdentity(one, other) && one.claims.sid === other.claims.sid;

/** A loan out of what anybody may have posted, without what does not belong to it. */
function readLoan(value: unknown): Loan | undefined {
  const { token, id_token, session_expiry: said } = Object(value) as Partial<Record<string, unknown>>;
  if (!isToken(token) || !isText(id_token)) return undefined;
  const { access_token, token_type, scope, requestedScope, expires_at, lifetime } = token;
  const session_expiry = typeof said === 'number' ? said : undefined;
  return {
    token: { access_token, token_type, scope, requestedScope, expires_at, lifetime },
    id_token,
    session_expiry,
  };
}
