import { expect, scenario } from 'godwit';
import { everyDeviceBehind, attachments } from './devices.js';
import { switchLinkStatuses, virtioQueueSize, xhciStreamsOf } from './known-issues.js';

scenario('cold-plugged devices', {
  machines: 'pc-q35-*',
  options: { behind: [...attachments] },
  devices: ({ options }) => everyDeviceBehind(options['behind'] ?? ''),
  known: [...switchLinkStatuses, ...xhciStreamsOf(), virtioQueueSize()],
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
