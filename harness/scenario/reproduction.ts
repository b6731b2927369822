import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellLine } from '../machine/command-line.js';
import type { Machine } from '../machine/machine.js';
import { quoteWord } from '../machine/words.js';

/** Commands that only look, and may be left out of a reproduction. */
const looking = /^(b64read|read) /;

/** The part of a script that all reproductions share: QEMU's monitors are named pipes, so that bash alone can speak to them. */
const preamble = `set -u
work=$(mktemp -d)
pids=()
trap 'kill -9 "\${pids[@]}" 2>/dev/null; rm -rf "$work"' EXIT
# start LABEL COMMAND: one QEMU in the background, its standard error kept for the end.
start() {
  mkfifo "$work/$1.qmp.in" "$work/$1.qmp.out" "$work/$1.qtest.in" "$work/$1.qtest.out"
  eval "$2" 2>"$work/$1.stderr" &
  pids+=($!); eval "pid_$1=$!"
  receive "$1" qmp '"QMP"'
  qmp "$1" '{"execute": "qmp_capabilities"}'
}
alive() { local pid="pid_$1"; kill -0 "\${!pid}" 2>/dev/null; }
# receive LABEL CHANNEL PATTERN: prints what comes until a line matches; fails when QEMU has ended or is silent for 10 s.
receive() {
  local line silent=0
  while alive "$1"; do
    if read -r -t 1 line <>"$work/$1.$2.out"; then
      echo "$1 $2 < $line"; silent=0
      [[ $line =~ $3 ]] && return 0
    elif ((++silent == 10)); then
      echo "$1 $2: no answer"; return 1
    fi
  done
  echo "$1 has ended"; return 1
}
qmp() { echo "$1 qmp > $2"; printf '%s\\n' "$2" <>"$work/$1.qmp.in" >&0; receive "$1" qmp '"(return|error)": '; }
qtest() { printf '%s\\n' "$2" <>"$work/$1.qtest.in" >&0; receive "$1" qtest '^(OK|FAIL|ERR)' >/dev/null; }
ended() { receive "$1" qmp '"MIGRATION".*"(completed|failed)"'; }
`;

/** Everything that was sent to the QEMUs of a cell, as a script for bash that does the same without Godwit. */
export class ReproductionScript {
  private readonly machines: Machine[] = [];
  private readonly steps: { label: string; channel: 'qmp' | 'qtest'; line: string }[] = [];

  constructor(private readonly title: string) {}

  start(machine: Machine): void {
    this.machines.push(machine);
  }

  send(label: string, channel: 'qmp' | 'qtest', line: string): void {
    if (channel === 'qtest' && looking.test(line)) return;
    if (channel === 'qmp' && line.includes('"qmp_capabilities"')) return;
    this.steps.push({ label, channel, line });
  }

  /** Writes `reproduce.sh`, and a script for each command line alone: `source.sh`, `destination.sh`. */
  write(folder: string): void {
    for (const machine of this.machines) {
      writeFileSync(join(folder, `${machine.label}.sh`), `#!/bin/sh\nexec env ${machine.printable}\n`, { mode: 0o700 });
    }
    writeFileSync(join(folder, 'reproduce.sh'), this.text(), { mode: 0o700 });
  }

  private text(): string {
    const folders = this.machines.map((machine) => machine.options.folder);
    const labels = [...new Set(this.machines.map(({ label }) => label))];
    const here = (line: string): string => {
      const moved = line.replace(/tcp:127\.0\.0\.1:\d+/g, 'unix:$work/stream');
      return folders.reduce((text, folder) => text.replaceAll(folder, '$work'), moved);
    };
    const started = new Set<string>();
    const startUnlessStarted = (label: string): string[] => {
      if (started.has(label)) return [];
      started.add(label);
      const machine = this.machines.find((known) => known.label === label);
      if (!machine) return [];
      const pipes = { qmp: `pipe:$work/${label}.qmp`, qtest: `pipe:$work/${label}.qtest` };
      return [`start ${quoteWord(label)} ${doubleQuoted(shellLine(machine.spec, pipes))}`];
    };
    const body = this.steps.flatMap(({ label, channel, line }) => {
      const send = `${channel} ${quoteWord(label)} ${doubleQuoted(here(line))}`;
      const waits = line.includes('"execute":"migrate"')
        ? labels.filter((known) => started.has(known)).map((known) => `ended ${known}`)
        : [];
      return [...startUnlessStarted(label), send, ...waits];
    });
    const ends = labels.map((label) => `echo "== standard error of ${label}"; cat "$work/${label}.stderr" 2>/dev/null`);
    return [
      '#!/usr/bin/env bash',
      `# ${this.title.replaceAll('\n', ' ')}`,
      '# Does without Godwit what one of its cells did.',
      preamble,
      ...body,
      ...ends,
      '',
    ].join('\n');
  }
}

/** A word in which the shell replaces `$work` and nothing else. */
function doubleQuoted(text: string): string {
  return `"${text.replace(/["\\`]/g, '\\$&').replace(/\$(?!work\b)/g, '\\$')}"`;
}
