import { cellsOf, type TreeNode } from '../../machine/device-tree.js';
import type { PciAddress } from '../../pci/address.js';
import { configAddress } from '../../pci/rtas-access.js';

/** What a node of a PCI host bridge says of itself. */
const bridgeType = 'pci\0';
/** Bus, device and function in the first word of `reg`. Source: PCI Bus Binding to IEEE Std 1275-1994, 2.2.1.1. */
const functionMask = 0xffff00;

/** The node of a PCI function below the first host bridge; undefined where the tree has none. */
export function pciNode(tree: TreeNode, address: PciAddress): TreeNode | undefined {
  const bridge = tree.children.find(
    ({ properties }) => properties.get('device_type')?.toString('latin1') === bridgeType,
  );
  const wanted = configAddress(address);
  const search = (node: TreeNode): TreeNode | undefined => {
    for (const child of node.children) {
      const [first] = cellsOf(child, 'reg') ?? [];
      if (first !== undefined && (first & functionMask) === wanted) return child;
      const found = search(child);
      if (found) return found;
    }
    return undefined;
  };
  return bridge && search(bridge);
}
