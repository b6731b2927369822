import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { devicesOf } from '../machine/device-line.js';
import { quoteWord } from '../machine/words.js';
import { channelsOf, type MachineSpec, printable, shellLine, socketsOf } from '../machine/command-line.js';

/** Commands that only look, and may be left out of a reproduction. */
const looking = /^(b64read|read) /;

/** The part of a script that all reproductions share: QEMU's monitors are named pipes, so that bash alone can speak to them. */
const preamble = `set -u
work=$(mktemp -d)
declare -A pids
# Bash reports whom it killed: not here.
end() { exec 2>/dev/null; kill -9 "\${pids[@]}"; wait; rm -rf "$work"; }
trap end EXIT
trap 'exit 130' INT TERM HUP
# start LABEL COMMAND [FILE]: one QEMU in the background, its standard error kept for the end; a saved machine is its file descriptor 3.
start() {
  local channel
  for channel in qmp qtest serial0 serial1; do mkfifo "$work/$1.$channel.in" "$work/$1.$channel.out"; done
  echo "$1: $2"
  eval "exec env $2" 2>"$work/$1.stderr" 3<"\${3:-/dev/null}" &
  pids[$1]=$!
  for channel in serial0 serial1; do
    cat "$work/$1.$channel.out" >"$work/$1.$channel" & pids[$1-$channel]=$!
  done
  receive "$1" qmp '"QMP"' && qmp "$1" '{"execute": "qmp_capabilities"}'
}
alive() { kill -0 "\${pids[$1]}" 2>/dev/null; }
# receive LABEL CHANNEL PATTERN: prints what comes until a line matches, and leaves that one in $line; fails when QEMU has ended or is silent for 10 s.
receive() {
  local silent=0
  while alive "$1"; do
    if read -r -t 1 line <>"$work/$1.$2.out"; then
      [[ $2 == qtest ]] || echo "$1 $2 < $line"
      silent=0
      [[ $line =~ $3 ]] && return 0
    elif ((++silent == 10)); then
      echo "$1 $2: no answer"; return 1
    fi
  done
  echo "$1 has ended"; return 1
}
# send LABEL CHANNEL LINE: to a QEMU that has ended there is nobody to read it.
send() { alive "$1" && printf '%s\\n' "$3" 1<>"$work/$1.$2.in"; }
qmp() { echo "$1 qmp > $2"; send "$1" qmp "$2"; receive "$1" qmp '"(return|error)": '; }
qtest() { echo "$1 qtest > $2"; send "$1" qtest "$2"; receive "$1" qtest '^(OK|FAIL|ERR)'; }
# The answer and the event of a reset come in either order.
reset() {
  echo "$1 qmp > $2"; send "$1" qmp "$2"
  receive "$1" qmp '"return": |"RESET"' && receive "$1" qmp '"return": |"RESET"'
}
# migrated LABEL...: after a migrate that was not refused, waits for its end on each.
migrated() {
  local label
  [[ $line == *'"error": '* ]] && return
  for label; do receive "$label" qmp '"event": "MIGRATION", .*"(completed|failed)"'; done
}
`;

/** Where a migration arrives in a script: TCP ports are chosen anew each time, so that a socket file stands for all of them. */
const tcpChannel = /tcp:127\.0\.0\.1:\d+/g;

const relayed =
  '# There the stream went through a relay, which may have changed it; here it goes straight, as the source sends it.';
const unheard =
  '# What was said to the guest over its serial ports is left out: *.shell beside this file has it, where the guest is Linux.';
const unserved =
  '# The vfio-user servers of the cell are left out: QEMU connects to vfio-user0, vfio-user1 … in $work, and a server has to listen there first.';
/** A relay's socket has the destination's name: a script has no relay, and its stream goes straight. */
const relayChannel = /\.relay\b/g;

/** One QEMU of a cell: how it is started, and the private folder that its commands may name. */
export interface ReproducedMachine {
  spec: MachineSpec;
  /** Unique in the cell. */
  label: string;
  folder: string;
  /** A saved machine that it comes up from. */
  inherits?: string;
}

interface Step {
  label: string;
  channel: 'qmp' | 'qtest';
  line: string;
}

/** Everything that was sent to the QEMUs of a cell, as a script for bash that does the same without Godwit. */
export class ReproductionScript {
  private readonly machines = new Map<string, ReproducedMachine>();
  private readonly steps: Step[] = [];

  /** @param disks empty raw images that the cell had in its private folder: names, and MiB. */
  constructor(
    private readonly title: string,
    private readonly disks: Readonly<Record<string, number>> = {},
  ) {}

  /** Takes note of a QEMU that is about to be started; one of the same label replaces the one before, and all that was sent to it. */
  start(machine: ReproducedMachine): void {
    if (this.machines.has(machine.label)) {
      const kept = this.steps.filter(({ label }) => label !== machine.label);
      this.steps.splice(0, this.steps.length, ...kept);
    }
    this.machines.set(machine.label, machine);
  }

  send(label: string, channel: 'qmp' | 'qtest', line: string): void {
    if (channel === 'qtest' && looking.test(line)) return;
    if (channel === 'qmp' && line.includes('"qmp_capabilities"')) return;
    this.steps.push({ label, channel, line });
  }

  /** Writes `reproduce.sh`, and a script for each command line alone, to which more words can be given: `source.sh`, `destination.sh`. */
  write(folder: string): void {
    for (const { spec, label } of this.machines.values()) {
      writeFileSync(join(folder, `${label}.sh`), `#!/bin/sh\nexec env ${printable(spec, label)} "$@"\n`, {
        mode: 0o700,
      });
    }
    writeFileSync(join(folder, 'reproduce.sh'), this.text(), { mode: 0o700 });
  }

  private text(): string {
    const waiting = new Set(this.machines.keys());
    const startOf = (label: string): string[] => {
      const machine = waiting.delete(label) ? this.machines.get(label) : undefined;
      if (!machine) return [];
      const pipes = channelsOf(socketsOf('$work', label, machine.spec), (path) => `pipe:${path}`);
      const saved = machine.inherits === undefined ? '' : ` ${quoteWord(machine.inherits)}`;
      return [`start ${label} ${doubleQuoted(this.moved(shellLine(machine.spec, pipes)))}${saved}`];
    };
    let destination: string | undefined;
    const body = this.steps.flatMap((step) => {
      const isRestored = step.line.includes('"fd:3"');
      if (executes(step, 'migrate-incoming') && !isRestored) destination = step.label;
      const verb = executes(step, 'system_reset') ? 'reset' : step.channel;
      const command = `${verb} ${step.label} ${doubleQuoted(this.moved(step.line))}`;
      const both = [step.label, ...(destination === undefined ? [] : [destination])].join(' ');
      const waits = executes(step, 'migrate') ? [`migrated ${both}`] : isRestored ? [`migrated ${step.label}`] : [];
      return [...startOf(step.label), command, ...waits];
    });
    // One that could not start was sent nothing: starting it is what shows why.
    const rest = [...waiting].flatMap(startOf);
    const ends = [...this.machines.keys()].map(
      (label) => `echo "== standard error of ${label}"; cat "$work/${label}.stderr"`,
    );
    return [
      '#!/usr/bin/env bash',
      `# ${this.title.replaceAll('\n', ' ')}`,
      '# Does without Godwit what one of its cells did.',
      ...(this.steps.some(({ line }) => line.search(relayChannel) >= 0) ? [relayed] : []),
      ...(this.hasGuest ? [unheard] : []),
      ...(this.isServed ? [unserved] : []),
      preamble,
      ...Object.entries(this.disks).map(([name, mebibytes]) => `truncate -s ${mebibytes}M "$work/${name}.img"`),
      ...body,
      ...rest,
      ...ends,
      '',
    ].join('\n');
  }

  /** Whether a guest has a vCPU and somebody spoke to it. */
  private get hasGuest(): boolean {
    return [...this.machines.values()].some(({ spec }) => (spec.serials ?? 0) > 0);
  }

  /** Whether a QEMU has a device behind a vfio-user server. */
  private get isServed(): boolean {
    return [...this.machines.values()].some(({ spec }) =>
      devicesOf(spec.words).some(({ driver }) => driver === 'vfio-user-pci'),
    );
  }

  /** A line with the files and channels of the cell in the script's own folder. */
  private moved(line: string): string {
    const folders = new Set([...this.machines.values()].map(({ folder }) => folder));
    const replaced = [...folders].reduce((text, folder) => text.replaceAll(folder, '$work'), line);
    return replaced.replace(relayChannel, '.stream').replace(tcpChannel, 'unix:$work/tcp.stream');
  }
}

function executes({ channel, line }: Step, command: string): boolean {
  return channel === 'qmp' && line.includes(`"execute":"${command}"`);
}

/** A word in which the shell replaces `$work` and nothing else. */
function doubleQuoted(text: string): string {
  return `"${text.replace(/["\\`]/g, '\\$&').replace(/\$(?!work\b)/g, '\\$')}"`;
}
