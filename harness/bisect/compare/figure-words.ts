import { type FigureChange, figures } from './measure.js';

/** "migration time: 41 ms → 43 ms (+4 %), a difference this large comes by chance in 4 of 10 comparisons (p = 0.41): no change beyond noise". */
export function figureWords({ name, cells, base, patched, p, beyondNoise }: FigureChange): string {
  const { title, unit } = figures.find((figure) => figure.name === name) ?? { title: name, unit: '' };
  const values = [base, patched].map((value) => `${numberWords(value)} ${unit}`).join(' → ');
  const over = cells.length > 1 ? ` in the middle one of ${cells.length} cells` : '';
  const verdict = beyondNoise ? 'changed beyond noise' : 'no change beyond noise';
  return `${title}: ${values}${over} (${changeWords(base, patched)}), a difference this large comes by chance ${chanceWords(p)} (p = ${pWords(p)}): ${verdict}`;
}

/** A probability as a person says it: "in 4 of 10 comparisons". */
export function chanceWords(p: number): string {
  if (p >= 0.95) return 'in every comparison';
  const of = [10, 100, 1000].find((many) => p * many >= 0.95);
  return of === undefined ? 'in less than 1 of 1000 comparisons' : `in ${Math.round(p * of)} of ${of} comparisons`;
}

function pWords(p: number): string {
  return p >= 0.01 ? p.toFixed(2) : p.toPrecision(1);
}

function changeWords(before: number, after: number): string {
  const percent = (100 * (after - before)) / before;
  if (after === before) return 'the same';
  if (!Number.isFinite(percent)) return 'from nothing';
  const digits = Math.abs(percent) < 0.95 ? percent.toPrecision(1) : percent.toFixed(0);
  return `${percent > 0 ? '+' : ''}${digits} %`;
}

function numberWords(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 1 : 0 });
}
