/** The page's style. Like the script it holds neither `<` nor `&`, so that the page is well-formed XML too and can be checked strictly. */
export const pageStyle = `
:root { --back: #fbfaf8; --card: #fff; --text: #1d2126; --quiet: #646b73; --line: #e3e1dc;
  --passed: #2c7a4b; --failed: #c0262d; --known: #94650a; --fixed: #0b7285; --flaky: #8b3fb5; --broken: #a3185f; --skipped: #767c84;
  --spawn: #5b8def; --greeting: #9db8e8; --guest: #e0a63a; --migration: #3d9a6a; --judging: #b07cc6; --end: #a9adb3; }
@media (prefers-color-scheme: dark) {
  :root { --back: #15181c; --card: #1c2025; --text: #e6e6e3; --quiet: #9aa1a9; --line: #30363d;
    --passed: #63c088; --failed: #ff7b7b; --known: #e3b341; --fixed: #56c7d6; --flaky: #cf96ea; --broken: #f783b8; --skipped: #8b929a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .7rem; }
p { margin: .3rem 0; } a { color: inherit; text-underline-offset: 2px; }
.quiet, time { color: var(--quiet); } code, pre, .id { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .87em; }
.quiet { font-size: .9em; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.counts li { padding: .35rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: var(--quiet); }
.counts b { font-size: 1.25rem; margin-right: .3rem; }
.counts .none { opacity: .6; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } th { text-align: left; font-weight: 600; }
.matrix th, .matrix td { padding: .5rem .9rem; border: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
.matrix th { font-size: .87em; } .matrix tbody th { font-weight: 500; } .matrix th span { display: block; }
.matrix td { background: var(--card); border-left: 4px solid var(--tone, var(--line)); cursor: pointer; min-width: 7.5rem; }
.matrix td:hover, .matrix td.chosen { background: color-mix(in srgb, var(--tone) 14%, var(--card)); }
.matrix td b, .matrix td small { display: block; } .matrix td b { color: var(--tone); } .matrix td small { color: var(--quiet); }
.matrix td.empty { cursor: default; color: var(--quiet); }
.passed { --tone: var(--passed); } .failed { --tone: var(--failed); } .known { --tone: var(--known); } .fixed { --tone: var(--fixed); }
.flaky { --tone: var(--flaky); } .broken { --tone: var(--broken); } .skipped { --tone: var(--skipped); }
.counts li.passed b, .counts li.failed b, .counts li.known b, .counts li.fixed b, .counts li.flaky b, .counts li.broken b,
.counts li.skipped b { color: var(--tone); }
.tag { display: inline-block; min-width: 4.3rem; font-weight: 600; font-size: .85em; color: var(--tone); }
.why-list { padding: 0; margin: 0; list-style: none; }
.why-list > li { padding: .7rem 1rem; margin-bottom: .5rem; background: var(--card); border: 1px solid var(--line);
  border-left: 4px solid var(--tone); border-radius: .3rem; overflow-wrap: anywhere; }
.why-list ul { margin: .3rem 0 0; padding-left: 1.1rem; } .why-list li li { font-size: .9em; }
form { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin-bottom: .8rem; }
input[type=search] { flex: 1 1 18rem; padding: .45rem .7rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .4rem; }
label { color: var(--tone); font-size: .9em; } button { font: inherit; font-size: .9em; }
.cell { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--tone); margin-bottom: -1px;
  content-visibility: auto; contain-intrinsic-size: auto 2.3rem; }
.cell summary { display: flex; gap: .6rem; align-items: baseline; padding: .4rem .9rem; cursor: pointer; }
.cell .id { flex: 1; overflow-wrap: anywhere; } .cell time { font-size: .87em; white-space: nowrap; }
.body { padding: .2rem 1rem 1rem; border-top: 1px solid var(--line); } .why { font-weight: 600; }
pre { padding: .7rem .9rem; margin: .6rem 0; overflow-x: auto; background: var(--back); border: 1px solid var(--line); border-radius: .3rem; }
.data { margin: .7rem 0; font-size: .87em; display: block; overflow-x: auto; }
.data th, .data td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
.phases { margin: .7rem 0; max-width: 46rem; } .bar { display: flex; height: .6rem; border-radius: .3rem; overflow: hidden; }
.bar i { display: block; } .legend { margin-top: .3rem; font-size: .83em; color: var(--quiet); }
.legend span { margin-right: .8rem; white-space: nowrap; }
.legend i { display: inline-block; width: .6rem; height: .6rem; margin-right: .3rem; border-radius: 2px; }
i.spawn { background: var(--spawn); } i.greeting { background: var(--greeting); } i.guest { background: var(--guest); }
i.migration { background: var(--migration); } i.judging { background: var(--judging); } i.end { background: var(--end); }
[hidden] { display: none; }
`;

/** Filters the list by words, verdicts and a clicked field of the matrix; without scripts the page shows everything. */
export const pageScript = `
const cells = [...document.querySelectorAll('.cell')].map((cell) => ({ cell, text: cell.firstElementChild.textContent.toLowerCase() }));
const words = document.getElementById('words');
const shown = document.getElementById('shown');
let field = null;
function filter() {
  const wanted = words.value.toLowerCase().split(' ').filter((word) => word !== '');
  const verdicts = new Set([...document.querySelectorAll('[name=verdict]:checked')].map((box) => box.value));
  let count = 0;
  for (const { cell, text } of cells) {
    const { verdict, row, column } = cell.dataset;
    const here = field === null ? true : field.dataset.row === row ? field.dataset.column === column : false;
    const fits = here ? (verdicts.has(verdict) ? wanted.every((word) => text.includes(word)) : false) : false;
    cell.hidden = !fits;
    if (fits) count += 1;
  }
  shown.textContent = count + ' of ' + cells.length + ' shown';
}
function choose(next) {
  if (field) field.classList.remove('chosen');
  field = field === next ? null : next;
  if (field) field.classList.add('chosen');
  filter();
}
for (const td of document.querySelectorAll('.matrix td[data-row]')) td.addEventListener('click', () => choose(td));
document.querySelector('form').addEventListener('input', filter);
document.querySelector('form').addEventListener('submit', (event) => event.preventDefault());
function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  if (target) { target.hidden = false; target.open = true; target.scrollIntoView(); }
}
addEventListener('hashchange', reveal);
filter();
reveal();
`;
