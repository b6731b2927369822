import { join } from 'node:path';
import { writeReport } from '../../report/report-file.js';
import type { SearchReport } from './report.js';
import { renderSearch } from './report-html.js';
import { reportText } from './report-text.js';

/** Names of the reports inside the output folder of a search: to read, to look at, and for programs. */
export const searchReportNames = { text: 'bisect.txt', page: 'bisect.html', json: 'bisect.json' };

/** Writes all reports and returns the text. Throws UsageError naming the file that cannot be written. */
export async function writeSearchReport(folder: string, report: SearchReport): Promise<string> {
  const text = reportText(report);
  await writeReport(join(folder, searchReportNames.text), [text]);
  await writeReport(join(folder, searchReportNames.page), renderSearch(report));
  await writeReport(join(folder, searchReportNames.json), [`${JSON.stringify(report, undefined, 2)}\n`]);
  return text;
}
