/** Text that is fit for an error message: no control characters but line feeds, and no more than its last lines. */
export function lastLines(text: string, lines: number): string {
  const printable = text
    .replace(/\r\n?/g, '\n')
    // Escape sequences of terminals (ECMA-48), then whatever else is not printed.
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|.)/g, '')
    .replace(/[^\P{Cc}\n]/gu, '');
  return printable.trimEnd().split('\n').slice(-lines).join('\n').slice(-4000);
}
