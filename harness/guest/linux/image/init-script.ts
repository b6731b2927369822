export interface InitOptions {
  modules: readonly string[];
  shellPort: string;
  greeting: string;
}

/**
 * The /init of the guest: it mounts what every program expects, loads the modules, and keeps a root shell on a serial port, with
 * that as its controlling terminal so that ^C interrupts what runs in it. It never ends and never resets the machine.
 * `shellPort` is the device of that port, `greeting` a word of printf's format that each new shell prints first.
 */
export function initScript({ modules, shellPort, greeting }: InitOptions): string {
  return `#!/bin/sh
export PATH=/bin:/sbin HOME=/root TERM=dumb PS1= PS2=
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ip link set lo up
${modules.length > 0 ? `modprobe -a ${modules.join(' ')}` : ':'}
cd /root
stty -F ${shellPort} -echo -opost || echo 'godwit: no shell can be had on ${shellPort}' >/dev/console
while :; do
  # The end of a shell hangs its terminal up: it is opened anew each time.
  { printf '${greeting}'; setsid -c sh; } <${shellPort} >${shellPort} 2>&1
  # A port that cannot be read ends each shell at once.
  sleep 0.1
done
`;
}
