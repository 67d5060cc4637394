import { limits, rows } from './rows.mjs';

const columns = ['latchkey', 'floor', 'auth0-spa-js', 'oidc-client-ts', 'keycloak-js'];
const sizeOnly = ['msal-browser', 'oauth4webapi'];

/**
 * The README's table of what bench/results/speed.json holds.
 * @param {{ figures: Record<string, Record<string, { median: number, low: number, high: number }>> }} results
 */
export function table({ figures }) {
  const medianOf = (figure, contender) => figures[figure]?.[contender]?.median ?? Number.NaN;
  const measured = rows.filter(({ figure }) => figures[figure]);
  const missed = measured.filter((row) => verdict(row, medianOf) === 'missed');
  return [
    `| | wanted | ${columns.join(' | ')} | latchkey ÷ auth0-spa-js |`,
    `| --- | --- | ${columns.map(() => '---').join(' | ')} | --- |`,
    ...measured.map((row) => {
      const { figure, label, unit, target } = row;
      const wanted = target ? `${target.text}: ${verdict(row, medianOf)}` : '';
      const ratio = medianOf(figure, 'latchkey') / medianOf(figure, 'auth0-spa-js');
      return `| ${[
        unit === '' || unit === '×' ? label : `${label}, ${unit}`,
        wanted,
        ...columns.map((name) => cell(figures[figure][name])),
        Number.isFinite(ratio) ? ratio.toFixed(2) : '',
      ].join(' | ')} |`;
    }),
    '',
    ...sizeOnly
      .filter((name) => figures[rows[0].figure]?.[name])
      .map((name) => {
        const size = (figure) => format(medianOf(figure, name));
        return `\`${name}\`, of which only the size is measured: ${size('size, esbuild, ES2022')} B, ${size('size, esbuild, ES2020')} B, ${size('size, rollup and terser')} B.`;
      }),
    ...(missed.length > 0 ? ['', 'Missed:', ''] : []),
    ...missed.map(({ figure, label, target }) => {
      const reached = target.of((name) => medianOf(figure, name), medianOf);
      return `- ${label}: ${format(reached)}, wanted ${target.text}.${limits[figure] ? ` ${limits[figure]}` : ''}`;
    }),
  ].join('\n');
}

function verdict({ figure, target }, medianOf) {
  if (!target) return '';
  return target.of((name) => medianOf(figure, name), medianOf) <= target.limit ? 'reached' : 'missed';
}

/** The median, and where half of the rounds lie. */
function cell(figure) {
  if (figure === undefined) return '';
  const { median, low, high } = figure;
  const [middle, from, to] = [median, low, high].map(format);
  return from === to ? middle : `${middle} (${from}–${to})`;
}

function format(value) {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** The table of docs/performance.md: how costs grow. */
export function growthTable({ figures }) {
  const at = (figure, contender = 'latchkey') => figures[figure]?.[contender]?.median;
  const row = (label, names, unit, contender) =>
    `| ${[label, ...names.map((name) => (at(name, contender) === undefined ? '' : `${format(at(name, contender))} ${unit}`))].join(' | ')} |`;
  const byCount = (kind) => [1, 100, 1000].map((count) => `${kind}, ${count}`);
  return [
    '| | 1 | 100 | 1,000 |',
    '| --- | --- | --- | --- |',
    ...['memory', 'localstorage'].flatMap((mode) => [
      row(`hit by a wider scope, by entries, ${mode}`, byCount(`superset, ${mode}`), 'µs'),
      row('the same, auth0-spa-js', byCount(`superset, ${mode}`), 'µs', 'auth0-spa-js'),
      row(`miss, by entries, ${mode}`, byCount(`miss, ${mode}`), 'µs'),
      row('the same, auth0-spa-js', byCount(`miss, ${mode}`), 'µs', 'auth0-spa-js'),
    ]),
    row('callers of an expired token, 50 ms round trip', ['callers, 1', '', 'callers, 1000'], 'ms'),
  ].join('\n');
}
