/**
 * What the tenant promises of refresh token rotation, one rule a line, and which test shows it. R: the sentences of Auth0's
 * page "Configure Refresh Token Rotation", with their line there. V: worked histories. L: lifetimes. C: what happens at once.
 */
import ts from 'typescript';

export interface Rule {
  readonly id: string;
  /** Of Auth0's page; the rules beside it have none. */
  readonly line?: number;
  readonly says: string;
}

const R = (number: number, line: number, says: string): Rule => ({ id: `R${number}`, line, says });
const V = (number: number, says: string): Rule => ({ id: `V${number}`, says });
const L = (number: number, says: string): Rule => ({ id: `L${number}`, says });
const C = (number: number, says: string): Rule => ({ id: `C${number}`, says });

export const sections: readonly { readonly title: string; readonly rules: readonly Rule[] }[] = [
  {
    title: 'Rotation and migration',
    rules: [
      R(1, 16, 'Rotation is a setting of one client; the tokens of others behave as before.'),
      R(2, 16, 'A change of the setting counts from the next request on.'),
      R(3, 16, 'Switching rotation on interrupts nobody who is signed in.'),
      R(
        4,
        16,
        'The first exchange after that swaps the token for one that rotates; the old one is dead at once.',
      ),
      R(5, 16, 'The token that is swapped must not have expired.'),
      R(
        6,
        16,
        'With rotation every exchange brings a new access token and a new refresh token; without it no refresh token.',
      ),
      R(7, 16, 'With rotation the code exchange begins a family that rotates.'),
      R(8, 18, 'Both ways of migrating revoke by themselves; no token of the old kind stays usable.'),
      R(
        9,
        20,
        'Switched on: one exchange ends all tokens that do not rotate of the same client, API and user.',
      ),
      R(10, 20, 'Tokens for another API, of another client, user or tenant survive that.'),
      R(11, 20, 'So does a family that rotates already.'),
      R(12, 20, 'A token that was ended so is unknown, not reused: it harms nobody.'),
      R(
        13,
        21,
        'Switched off: exchanging the newest token gives one that does not rotate, and revokes the family.',
      ),
      R(
        14,
        21,
        'Every member of the family is refused from then on; what took its place is good again and again.',
      ),
      R(15, 21, 'Switching off forgives no reuse.'),
      R(16, 20, 'Two tenants share nothing.'),
    ],
  },
  { title: 'Prerequisite', rules: [R(17, 25, 'The published auth0-spa-js runs against the tenant.')] },
  {
    title: 'Switching on',
    rules: [
      R(18, 36, 'PATCH of a client with the four settings is answered with the client, and shows in GET.'),
      R(19, 37, 'The page’s body without commas is no JSON, and is refused.'),
      R(20, 41, 'A lifetime that is a text is refused; an option takes it.'),
      R(21, 38, '`rotation_type` and `expiration_type` must both be there.'),
      R(22, 38, 'The settings are replaced, not merged; `null` goes back to the defaults.'),
      R(23, 33, 'The call needs a token with the scope `update:clients`.'),
      R(24, 16, 'A client without the refresh token grant gets no refresh token, whatever its setting.'),
      R(25, 33, '“Managment” and other slips of the pen have no effect.'),
    ],
  },
  {
    title: 'Expiration',
    rules: [
      R(26, 49, 'A family lives thirty days where nothing else is said.'),
      R(27, 49, 'Ninety days may be asked for; the limit is five years.'),
      R(28, 49, 'Rotating does not make a family live longer.'),
      R(29, 49, 'What rotates must expire.'),
    ],
  },
  {
    title: 'Leeway',
    rules: [
      R(30, 53, 'Within the leeway a spent token succeeds again.'),
      R(31, 53, 'So that a client whose answer was lost may ask again.'),
      R(32, 53, 'It is off by default: the first replay is reuse.'),
      R(33, 55, 'It is whole seconds.'),
      R(34, 55, 'Within it no reuse is detected, and nothing revoked.'),
      R(35, 55, 'Every forgiven replay gives a new token, never one that was given before.'),
      R(36, 55, 'Only the previous token is forgiven; the second to last is reuse.'),
      R(37, 55, 'A story of both.'),
      R(38, 55, 'It is counted from the first exchange, both ends included; replays do not make it longer.'),
    ],
  },
  {
    title: 'Reuse',
    rules: [
      R(39, 59, 'A spent token that comes again ends all tokens of its family, the newest included.'),
      R(40, 59, 'Only a new authorization helps, and begins another family.'),
      R(41, 59, 'Whoever presents whichever of them is answered the same.'),
      R(42, 59, 'It works whoever comes first, the thief or the user.'),
      R(43, 59, 'Other families go on.'),
      R(44, 59, 'The journal has one `ferrt`, and `fertft` for what comes later.'),
      R(45, 59, 'Access tokens are good until they expire.'),
      R(46, 59, 'The session at the tenant is not ended.'),
      R(47, 59, 'The user’s consent is kept.'),
    ],
  },
  {
    title: 'Revoking',
    rules: [
      R(48, 61, '`/oath/revoke` is misspelt, and not found.'),
      R(49, 61, '`/oauth/revoke` ends a refresh token, and answers with nothing.'),
      R(
        50,
        61,
        'It takes all tokens of the same authorization; a spent one names them, too, and is no reuse.',
      ),
      R(51, 63, '`/api/v2/device-credentials` lists and revokes tokens that rotate.'),
      R(52, 63, 'It removes the whole grant: every family of the user, client and API.'),
      R(53, 63, 'After that a client that needs consent asks for it again.'),
    ],
  },
  {
    title: 'The SDK',
    rules: [
      R(54, 68, '`useRefreshTokens` is off by default: no `offline_access`, no refresh token.'),
      R(55, 70, 'Switched on, `offline_access` is asked for, and a refresh token issued.'),
      R(56, 70, 'An expired access token costs one request, which renews the ID token, too.'),
      R(57, 72, 'Switched off, the hidden iframe with `prompt=none` gets the token.'),
      R(58, 74, 'Without a refresh token the iframe is the fallback, where it is not switched off.'),
      R(59, 74, 'The iframe fails with `login_required` where the tenant sees no session.'),
      R(60, 80, 'The page’s example runs.'),
      R(61, 84, 'Two tabs with one localStorage spend one token after another.'),
    ],
  },
  {
    title: 'Switching off',
    rules: [
      R(62, 105, '`reusable` is no value of `rotation_type`, and is refused.'),
      R(63, 105, '`non-rotating` with `non-expiring` is accepted.'),
      R(
        64,
        106,
        '`non-expiring` makes both lifetimes endless from the next exchange on; an end that was fixed stays.',
      ),
      R(65, 99, 'Switching off revokes nothing by itself.'),
      R(66, 111, 'The pages to read on define the words.'),
    ],
  },
  {
    title: 'Worked histories',
    rules: [
      V(1, 'The last instant of the leeway, and the millisecond after it.'),
      V(2, 'The second to last token inside the leeway.'),
      V(3, 'A token whose child was exchanged.'),
      V(4, 'The older child of a fork after the leeway: reuse, or under `all-siblings` as good as any.'),
      V(5, 'The newer child of a fork after the leeway.'),
      V(6, 'A replay without a leeway in the same millisecond.'),
      V(7, 'A leeway that is given after the first exchange.'),
      V(8, 'An idle lifetime within an absolute one.'),
      V(9, 'Another client presents the token.'),
      V(10, 'A proof of possession with a bad nonce, and again with a good one.'),
      V(11, 'A second factor is asked for on a refresh.'),
      V(12, 'A spent token is revoked.'),
      V(13, 'A grant is deleted by `/api/v2/device-credentials`.'),
      V(14, 'An answer is lost, and the client asks again: at once, or after ten seconds.'),
      V(15, 'One of three families is breached.'),
      V(16, 'Two tenants have the same client and user.'),
    ],
  },
  {
    title: 'Lifetimes',
    rules: [
      L(1, 'The absolute end is fixed when the family begins.'),
      L(2, 'Neither rotating nor a forgiven replay moves it.'),
      L(
        3,
        'The idle end is counted anew by every exchange, with the settings of now, and never passes the absolute one.',
      ),
      L(4, 'A refused exchange does not count as use, a forgiven replay does.'),
      L(5, 'A token that never expired gets its end at the first success under a maximum.'),
      L(6, 'A token is good while now is before its end.'),
      L(7, 'Refresh tokens outlive the session at the tenant.'),
      L(8, 'A user who is blocked cannot refresh, and can again when let in.'),
      L(9, 'An access token may outlive its refresh token.'),
    ],
  },
  {
    title: 'At once',
    rules: [
      C(1, 'Two at once without a leeway: one wins, and loses its family to the other.'),
      C(2, 'Two at once with a leeway: both win, and the later one is the head.'),
      C(3, 'Any number with a leeway: all win.'),
      C(4, 'Looking and changing is one step, whatever is waited for before.'),
      C(5, 'A code that comes twice ends what it gave.'),
    ],
  },
];

/** Rules that no test shows, and why. A rule that gets a test is struck off here. */
export const withoutTest: Readonly<Record<string, string>> = {
  R25: 'prose, line 33',
  R66: 'prose, lines 111 to 115: the words are used here as those pages define them',
};

export interface Showing {
  readonly file: string;
  readonly name: string;
}

const beginsWithIds = /^([RVLC]\d+(?:, [RVLC]\d+)*): /;

/**
 * The tests that show each rule: their names begin with its id. A name may stand in a row of `it.each`, too.
 * @param files paths and texts of test files, in the order in which they are shown
 */
export function showingsOf(
  files: readonly { readonly path: string; readonly text: string }[],
): ReadonlyMap<string, readonly Showing[]> {
  const showings = new Map<string, Showing[]>();
  for (const { path, text } of files) {
    const visit = (node: ts.Node): void => {
      const [, ids] = (ts.isStringLiteralLike(node) && beginsWithIds.exec(node.text)) || [];
      if (ids !== undefined && ts.isStringLiteralLike(node) && !isNameOfGroup(node))
        for (const id of ids.split(', '))
          showings.set(id, [...(showings.get(id) ?? []), { file: path, name: node.text }]);
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  }
  return showings;
}

/** A `describe` shows nothing by itself. */
function isNameOfGroup(node: ts.Node): boolean {
  if (!ts.isCallExpression(node.parent)) return false;
  let callee: ts.Node = node.parent.expression;
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression;
  return ts.isIdentifier(callee) && callee.text === 'describe';
}

/** The page: every rule with the tests that show it, or the reason why none does. */
export function rulesPage(showings: ReadonlyMap<string, readonly Showing[]>): string {
  const shownBy = ({ id }: Rule) =>
    (showings.get(id) ?? []).map(({ file, name }) => `  - \`${file}\`: \`${name}\``);
  const entry = (rule: Rule) => {
    const line = rule.line === undefined ? '' : ` (line ${rule.line})`;
    const reason = withoutTest[rule.id];
    return [
      `- **${rule.id}**${line} ${rule.says}${reason === undefined ? '' : ` _No test: ${reason}._`}`,
      ...shownBy(rule),
    ].join('\n');
  };
  const parts = [
    '# The rules of rotation, and the tests that show them',
    '<!-- generated from __tests__/tenant/rotation-rules.ts and the names of the tests -->',
    'Lines are those of Auth0’s page “Configure Refresh Token Rotation”. `LATCHKEY_WRITE_DOCS=1 npm run unit -- rotation-rules` writes this page anew.',
    ...sections.flatMap(({ title, rules }) => [`## ${title}`, rules.map(entry).join('\n')]),
  ];
  return `${parts.join('\n\n')}\n`;
}
