import { expect } from 'chai';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import tmp from 'tmp';
import { UsageError } from '../../../harness/core/errors.js';
import { findScenarioFiles, loadScenarios } from '../../../harness/scenario/load.js';
import { failure } from '../support/failure.js';

const registry = new URL('../../../harness/scenario/registry.ts', import.meta.url).href;
const declare = (titles: string | string[], more = ''): string =>
  [
    `import { scenario } from '${registry}';`,
    ...[titles].flat().map((title) => `scenario('${title}', { machines: 'pc-q35-*', async body() {}${more} });`),
  ].join('\n');

/**
 * 1. Folders give their scenario files in order, each once, without those of packages; TypeScript and JavaScript load alike.
 * 2. What is missing, empty, or throws is named in one sentence; so are two scenarios of one name, and where both stand.
 */
describe('loading scenario files', () => {
  let folder: tmp.DirResult;
  beforeEach(() => (folder = tmp.dirSync({ unsafeCleanup: true })));
  afterEach(() => folder.removeCallback());

  function write(file: string, text: string): string {
    const path = join(folder.name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  it('finds them in folders, each once', () => {
    const b = write('b.scenario.ts', '');
    const a = write('sub/a.scenario.js', '');
    const c = write('c.scenario.mjs', '');
    write('readme.md', '');
    write('a.test.ts', '');
    write('node_modules/other/x.scenario.ts', '');
    expect(findScenarioFiles([folder.name])).to.deep.equal([b, c, a]);
    expect(findScenarioFiles([a, folder.name, b])).to.deep.equal([a, b, c]);
  });

  it('names a path that does not exist, and a folder that holds none', () => {
    expect(() => findScenarioFiles([join(folder.name, 'no.scenario.ts')])).to.throw(
      UsageError,
      /no scenario file or folder '.*no\.scenario\.ts'/,
    );
    expect(() => findScenarioFiles([folder.name])).to.throw(UsageError, /holds no scenario file \(\.scenario\.ts, /);
  });

  it('loads TypeScript and JavaScript, in any folder, with the file of each', async () => {
    const files = [
      write('one.scenario.ts', declare('load: one').replace('async body()', 'async body(_: unknown): Promise<void>')),
      write('two.scenario.js', declare('load: two')),
      write('three.scenario.mjs', declare(['load: three', 'load: four'])),
    ];
    const scenarios = await loadScenarios(files);
    expect(scenarios.map(({ title }) => title)).to.deep.equal(['load: one', 'load: two', 'load: three', 'load: four']);
    expect(scenarios.map(({ file }) => file.split('/').at(-1))).to.deep.equal([
      'one.scenario.ts',
      'two.scenario.js',
      'three.scenario.mjs',
      'three.scenario.mjs',
    ]);
  });

  it('names the file that throws, and why', async () => {
    const throwing = write('t.scenario.ts', 'throw new Error("out of ideas");');
    const { message } = await failure(loadScenarios([throwing]), UsageError);
    expect(message).to.equal(`the scenario file '${throwing}' throws while it is loaded: out of ideas`);
    const broken = write('s.scenario.js', 'this is no JavaScript');
    expect((await failure(loadScenarios([broken]), UsageError)).message).to.include(`'${broken}'`);
    const lost = write('l.scenario.js', "import 'no-such-package';");
    expect((await failure(loadScenarios([lost]), UsageError)).message).to.include('no-such-package');
  });

  it('refuses two scenarios of one name, and a known issue that cannot be read', async () => {
    const twice = write('twice.scenario.js', declare(['load: twin', 'load: twin']));
    expect((await failure(loadScenarios([twice]))).message).to.match(
      /'load: twin' is declared twice in .*twice\.scenario\.js$/,
    );
    const first = write('first.scenario.js', declare('load: same'));
    const second = write('second.scenario.js', declare('load: same'));
    expect((await failure(loadScenarios([first, second]))).message).to.match(
      /'load: same' is declared in .*first\.scenario\.js and in .*second\.scenario\.js$/,
    );
    const known = ", known: [{ name: 'k', builds: { source: 'soon' }, machineTypes: [] }]";
    const wrong = write('wrong.scenario.js', declare('load: wrong', known));
    expect((await failure(loadScenarios([wrong]))).message).to.include("'soon'");
  });
});
